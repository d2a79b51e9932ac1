#include <algorithm>
#include <utility>

#include "tsdb/partition/format.h"
#include "tsdb/partition/group.h"
#include "tsdb/partition/index_reader.h"
#include "tsdb/partition/partition.h"

namespace silverback::tsdb {
namespace {

using base::Errc;
using base::Status;

Status at_group(const Status& status, uint32_t id, uint32_t group) {
  if (status.is_ok()) return status;
  return status.with_context("partition " + std::to_string(id) + ", group " +
                             std::to_string(group));
}

base::Result<std::string> slice_value(const storage::BlockStore& store, uint32_t id, uint32_t group,
                                      uint32_t slice) {
  base::Result<std::string> value = store.get_chunks(id, partition::chunk_key(group, slice));
  if (value.status().code() == Errc::kNotFound) {
    return at_group(Status(Errc::kCorruption, "slice " + std::to_string(slice) + " is missing"), id,
                    group);
  }
  return value;
}

}  // namespace

Partition::Partition(storage::BlockStore& store, storage::PartitionMeta meta)
    : store_(store), meta_(meta) {}

base::Result<std::vector<PartitionSeries>> Partition::select(
    const model::Matchers& matchers) const {
  const partition::IndexReader index(store_, meta_);
  ASSIGN_OR_RETURN(const partition::RankSet ranks, index.select(matchers));
  ASSIGN_OR_RETURN(std::vector<PartitionSeries> out, index.hashes(ranks));
  std::sort(out.begin(), out.end(),
            [](const PartitionSeries& a, const PartitionSeries& b) { return a.hash < b.hash; });
  return out;
}

base::Result<model::Labels> Partition::labels(uint32_t rank) const {
  if (rank >= meta_.series) return Status(Errc::kNotFound, "rank " + std::to_string(rank));
  partition::RankSet one;
  one.append(rank);
  model::Labels out;
  const auto take = [&out](const model::Labels& labels) {
    out = labels;
    return true;
  };
  RETURN_IF_ERROR(partition::IndexReader(store_, meta_).labels(one, take));
  return out;
}

Status Partition::read(uint32_t rank, model::TimeRange range, storage::ColumnBuffer& into) const {
  if (rank >= meta_.series) return {Errc::kNotFound, "rank " + std::to_string(rank)};
  if (range.empty() || range.until < meta_.min_time_ms || range.after >= meta_.max_time_ms) {
    return Status::ok();
  }
  const uint32_t group = rank / partition::kSeriesPerGroup;
  const uint32_t place = rank % partition::kSeriesPerGroup;
  ASSIGN_OR_RETURN(const std::string first, slice_value(store_, meta_.id, group, 0));
  const auto times = partition::decode_slice_times(first, meta_.window_start_ms);
  RETURN_IF_ERROR(at_group(times.status(), meta_.id, group));
  for (uint32_t i = 0; i < times->slices.size(); ++i) {
    if (!times->slices[i].overlaps(range)) continue;
    std::string further;
    std::string_view body = std::string_view(first).substr(times->head_bytes);
    if (i > 0) {
      ASSIGN_OR_RETURN(further, slice_value(store_, meta_.id, group, i));
      body = further;
    }
    RETURN_IF_ERROR(at_group(partition::read_slice(body, place, meta_.window_start_ms, range, into),
                             meta_.id, group));
  }
  return Status::ok();
}

base::Result<std::vector<std::string>> Partition::label_names(
    const model::Matchers& matchers) const {
  const partition::IndexReader index(store_, meta_);
  ASSIGN_OR_RETURN(const partition::RankSet ranks, index.select(matchers));
  if (ranks.empty()) return std::vector<std::string>();
  return index.names(ranks);
}

base::Result<std::vector<std::string>> Partition::label_values(
    const std::string& name, const model::Matchers& matchers) const {
  const partition::IndexReader index(store_, meta_);
  ASSIGN_OR_RETURN(const partition::RankSet ranks, index.select(matchers));
  if (ranks.empty()) return std::vector<std::string>();
  return index.values(name, ranks);
}

}  // namespace silverback::tsdb
