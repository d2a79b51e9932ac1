#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace silverback::storage {

/// Bytes (and samples) that one query may hold at a time. Every read charges what it fills.
/// Threads: any thread.
class QueryBudget {
 public:
  struct Limits {
    int64_t bytes = int64_t{256} << 20;
    int64_t samples = 50'000'000;
  };
  /// `parent`, when given, is charged too (all queries together) and outlives this.
  explicit QueryBudget(Limits limits, QueryBudget* parent = nullptr)
      : limits_(limits), parent_(parent) {}
  ~QueryBudget() {
    if (parent_) parent_->release(bytes_.load());
  }
  QueryBudget(const QueryBudget&) = delete;
  QueryBudget& operator=(const QueryBudget&) = delete;

  /// kLimit naming limit and flag when it would pass the limit; nothing is charged then.
  base::Status charge(int64_t bytes);
  void release(int64_t bytes);

  /// Samples held at once, as --query.max-samples counts them (a histogram: size / 16 B).
  /// kExecution: "query processing would load too many samples into memory in query execution".
  base::Status charge_samples(int64_t samples);
  void release_samples(int64_t samples);

  int64_t sample_limit() const { return limits_.samples; }
  int64_t bytes() const { return bytes_; }
  int64_t peak_samples() const { return peak_samples_; }

 private:
  const Limits limits_;
  QueryBudget* const parent_;
  std::atomic<int64_t> bytes_{0};
  std::atomic<int64_t> samples_{0};
  std::atomic<int64_t> peak_samples_{0};
};

}  // namespace silverback::storage
