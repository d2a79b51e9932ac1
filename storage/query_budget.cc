#include "storage/query_budget.h"

namespace silverback::storage {
namespace {

// Adds `by` unless that passes `limit`; gives the new total, or -1.
int64_t add_within(std::atomic<int64_t>& total, int64_t by, int64_t limit) {
  int64_t current = total.load(std::memory_order_relaxed);
  do {
    if (by > limit - current) return -1;
  } while (!total.compare_exchange_weak(current, current + by, std::memory_order_relaxed));
  return current + by;
}

base::Status too_many_bytes(std::string_view who, std::string_view flag, int64_t limit) {
  std::string text(who);
  text += " would hold more than the limit of " + std::to_string(limit) + " bytes (";
  text += flag;
  text += ")";
  return {base::Errc::kLimit, std::move(text)};
}

}  // namespace

base::Status QueryBudget::charge(int64_t bytes) {
  if (add_within(bytes_, bytes, limits_.bytes) < 0) {
    return too_many_bytes("query", "--query.max-memory", limits_.bytes);
  }
  if (parent_ != nullptr && !parent_->charge(bytes).is_ok()) {
    bytes_ -= bytes;
    return too_many_bytes("all queries together", "--query.max-total-memory",
                          parent_->limits_.bytes);
  }
  return {};
}

void QueryBudget::release(int64_t bytes) {
  bytes_ -= bytes;
  if (parent_ != nullptr) parent_->release(bytes);
}

base::Status QueryBudget::charge_samples(int64_t samples) {
  const int64_t held = add_within(samples_, samples, limits_.samples);
  if (held < 0) {
    return {base::Errc::kExecution,
            "query processing would load too many samples into memory in query execution"};
  }
  int64_t peak = peak_samples_.load(std::memory_order_relaxed);
  while (held > peak &&
         !peak_samples_.compare_exchange_weak(peak, held, std::memory_order_relaxed)) {
  }
  return {};
}

void QueryBudget::release_samples(int64_t samples) {
  samples_ -= samples;
}

}  // namespace silverback::storage
