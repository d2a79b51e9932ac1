#pragma once

#include <string>
#include <utility>

namespace silverback::base {

/// A value that has no printer: shown as "<secret>" everywhere, read only through reveal().
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  bool empty() const { return value_.empty(); }
  const std::string& reveal() const { return value_; }
  bool operator==(const Secret&) const = default;

 private:
  std::string value_;
};

inline constexpr const char* kSecretMask = "<secret>";

}  // namespace silverback::base
