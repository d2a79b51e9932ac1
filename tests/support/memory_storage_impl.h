#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/memory_storage.h"

namespace silverback::testing {

struct MemoryStorage::SeriesData {
  model::Labels labels;
  model::LabelHash hash;
  std::vector<StoredSample> samples;  // ascending, times unique
  std::vector<model::Exemplar> exemplars;
  bool shared = false;  // a snapshot holds it: copy before a change
};

struct MemoryStorage::Snapshot {
  struct Entry {
    std::shared_ptr<const SeriesData> data;
    uint64_t column_id = 0;  // equal for equal float timestamps
  };
  std::vector<Entry> by_hash;
  std::vector<Entry> by_labels;
  std::vector<std::string> warnings;
};

struct MemoryStorage::Staged {
  storage::SeriesRef ref;
  StoredSample sample;
  std::unique_ptr<model::Exemplar> exemplar;  // set: this is an exemplar
};

/// Reads one snapshot. The class behind MemoryStorage::querier().
std::unique_ptr<storage::Querier> make_memory_querier(
    std::shared_ptr<const MemoryStorage::Snapshot> snapshot, storage::QuerierOptions options);

}  // namespace silverback::testing
