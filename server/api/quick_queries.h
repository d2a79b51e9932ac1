#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "promql/parser.h"

namespace silverback::server::api {

/// Judges which instant queries are worth a short try on the reserved threads, beside the queue, so
/// that `up` is answered whatever the others do. Threads: any.
class QuickQueries {
 public:
  explicit QuickQueries(base::Clock& clock) : clock_(clock) {}

  /// A few selectors by metric name over short ranges, that were not slow lately. Parses.
  bool worth_a_try(std::string_view query, const promql::ParserOptions& options) const;
  /// It took too long: no more tries for a while.
  void was_slow(std::string_view query);

 private:
  struct Slow {
    std::atomic<uint64_t> hash{0};
    std::atomic<int64_t> until_ms{0};
  };
  static constexpr size_t kRemembered = 4096;

  base::Clock& clock_;
  std::array<Slow, kRemembered> slow_;
};

}  // namespace silverback::server::api
