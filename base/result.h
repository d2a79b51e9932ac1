#pragma once

#include <cassert>
#include <utility>
#include <variant>

#include "base/status.h"

namespace silverback::base {

/// A value, or the Status that says why there is none. Reading the value of a failure is a
/// programmer error (assert).
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  // Implicit on purpose: `return value;` and `return Status(...)` both read well.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}        // NOLINT
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {  // NOLINT
    assert(!std::get<1>(state_).is_ok());
  }

  bool is_ok() const { return state_.index() == 0; }
  explicit operator bool() const { return is_ok(); }
  Status status() const { return is_ok() ? Status() : std::get<1>(state_); }

  T& value() & {
    assert(is_ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    assert(is_ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    assert(is_ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace silverback::base

#define SB_CONCAT_INNER(a, b) a##b
#define SB_CONCAT(a, b) SB_CONCAT_INNER(a, b)

/// Leaves the function with the Status if it is an error.
#define RETURN_IF_ERROR(expr)                                                  \
  do {                                                                         \
    if (::silverback::base::Status sb_status_ = (expr); !sb_status_.is_ok()) { \
      return sb_status_;                                                       \
    }                                                                          \
  } while (false)

/// `ASSIGN_OR_RETURN(auto x, f());` assigns the value or leaves with the Status.
#define ASSIGN_OR_RETURN(lhs, expr) \
  SB_ASSIGN_OR_RETURN_IMPL(SB_CONCAT(sb_result_, __LINE__), lhs, expr)
#define SB_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                             \
  if (!tmp.is_ok()) return tmp.status();         \
  lhs = std::move(tmp).value()
