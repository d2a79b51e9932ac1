#include "base/status.h"

namespace silverback::base {

std::string_view errc_name(Errc code) {
  switch (code) {
    case Errc::kOk: return "ok";
    case Errc::kBadData: return "bad_data";
    case Errc::kNotFound: return "not_found";
    case Errc::kOutOfOrder: return "out_of_order";
    case Errc::kDuplicate: return "duplicate";
    case Errc::kOutOfBounds: return "out_of_bounds";
    case Errc::kStaleRef: return "stale_ref";
    case Errc::kLimit: return "limit";
    case Errc::kTimeout: return "timeout";
    case Errc::kCanceled: return "canceled";
    case Errc::kUnavailable: return "unavailable";
    case Errc::kExecution: return "execution";
    case Errc::kUnsupported: return "unsupported";
    case Errc::kIo: return "io";
    case Errc::kCorruption: return "corruption";
    case Errc::kInternal: return "internal";
  }
  return "unknown";
}

const std::string& Status::message() const {
  static const std::string empty;
  return rep_ ? rep_->message : empty;
}

Status Status::with_context(std::string_view context) const {
  if (is_ok()) return *this;
  return {rep_->code, std::string(context) + ": " + rep_->message};
}

std::string Status::to_string() const {
  if (is_ok()) return "ok";
  return std::string(errc_name(rep_->code)) + ": " + rep_->message;
}

}  // namespace silverback::base
