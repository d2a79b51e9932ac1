#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace silverback::base {

/// What went wrong, chosen by what the caller does about it. Numbers are stable and never reused.
enum class Errc : uint8_t {
  kOk = 0,
  kBadData = 1,       // the input is wrong: HTTP 400
  kNotFound = 2,      // HTTP 404
  kOutOfOrder = 3,    // sample older than its series' newest: counted
  kDuplicate = 4,     // same timestamp, other value: counted
  kOutOfBounds = 5,   // sample too old for any open window, or too far ahead: counted
  kStaleRef = 6,      // the SeriesRef's generation is gone: resolve again
  kLimit = 7,         // a configured limit refuses it; the message names limit and flag
  kTimeout = 8,       // HTTP 503
  kCanceled = 9,      // the client went away or we are stopping: HTTP 499
  kUnavailable = 10,  // not ready, disabled, or no space: try later
  kExecution = 11,    // a valid query that cannot be answered: HTTP 422
  kUnsupported = 12,  // valid in Prometheus, not built here
  kIo = 13,           // the operating system said no
  kCorruption = 14,   // stored or received bytes break their own format
  kInternal = 15,     // a bug of ours
};

std::string_view errc_name(Errc code);

/// Success, or a kind of error with a message for people. Cheap to copy; success costs no
/// allocation. Threads: value type.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Errc code, std::string message)
      : rep_(std::make_shared<const Rep>(Rep{code, std::move(message)})) {}

  static Status ok() { return {}; }

  bool is_ok() const { return rep_ == nullptr; }
  Errc code() const { return rep_ ? rep_->code : Errc::kOk; }
  const std::string& message() const;

  /// The same kind, the message led by "context: ".
  Status with_context(std::string_view context) const;

  /// "out_of_order: message", for logs.
  std::string to_string() const;

  /// Drops the result on purpose; `why` makes ignoring searchable.
  void permit_unchecked(std::string_view /*why*/) const {}

 private:
  struct Rep {
    Errc code;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;
};

}  // namespace silverback::base
