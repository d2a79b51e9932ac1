#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/mutex.h"
#include "model/labels.h"
#include "model/matcher.h"

namespace silverback::tsdb {

/// The head's inverted index: label name -> value -> slots, ascending. Entries are never removed
/// yet, so names and values, once seen, may be read without the lock. Threads: any thread.
class Postings {
 public:
  using Slots = std::vector<uint32_t>;

  void add(uint32_t slot, const model::Labels& labels);

  /// Slots whose labels match all, ascending. `labels_of` gives a slot's labels.
  Slots select(const model::Matchers& matchers,
               const std::function<const model::Labels&(uint32_t)>& labels_of) const;
  Slots all() const;

  /// Unsorted; each is visited outside the lock.
  std::vector<std::string> names() const;
  std::vector<std::string> values(std::string_view name) const;
  Slots slots(std::string_view name, std::string_view value) const;

  /// True if `wanted` holds for a slot with this name (and value). The newest are asked first, a
  /// few at a time, outside the lock: no list is copied to learn that its last series is alive.
  using Wanted = std::function<bool(uint32_t)>;
  bool any(std::string_view name, const Wanted& wanted) const;
  bool any(std::string_view name, std::string_view value, const Wanted& wanted) const;

  struct Count {
    std::string_view name, value;  // live as long as the Postings
    uint64_t series = 0;
  };
  /// One entry a label pair.
  std::vector<Count> counts() const;

 private:
  struct Value {
    std::string text;
    Slots slots;
  };
  struct Name {
    std::string text;
    absl::flat_hash_map<std::string_view, std::unique_ptr<Value>> values;
    uint64_t series = 0;
  };

  const Name* find(std::string_view name) const REQUIRES(mutex_);
  std::vector<const Value*> values_of(std::string_view name) const;
  bool any(const Value& value, const Wanted& wanted) const;
  Slots copy(const std::vector<const Value*>& values) const;
  Slots matching(const model::Matcher& m) const;
  Slots not_matching(const model::Matcher& m) const;
  uint64_t estimate(const model::Matcher& m) const;

  mutable base::Mutex mutex_;
  absl::flat_hash_map<std::string_view, std::unique_ptr<Name>> names_ GUARDED_BY(mutex_);
  Slots all_ GUARDED_BY(mutex_);
};

}  // namespace silverback::tsdb
