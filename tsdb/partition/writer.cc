#include <algorithm>
#include <limits>
#include <memory>

#include "tsdb/partition/format.h"
#include "tsdb/partition/group.h"
#include "tsdb/partition/index_writer.h"
#include "tsdb/partition/partition.h"

namespace silverback::tsdb {
namespace {

using base::Status;

struct Times {
  model::TimestampMs min = std::numeric_limits<int64_t>::max();
  model::TimestampMs max = std::numeric_limits<int64_t>::min();
  void add(const std::vector<model::TimestampMs>& t) {
    if (t.empty()) return;
    min = std::min(min, t.front());
    max = std::max(max, t.back());
  }
};

// Every series with samples in the window; fills the counts of `meta`.
Status write_series(storage::BlockStore::Writer& writer, storage::SeriesSet& series,
                    storage::PartitionMeta& meta) {
  const model::TimeRange window{meta.window_start_ms - 1, meta.window_end_ms - 1};
  partition::IndexWriter index(writer, meta.window_start_ms, meta.window_end_ms);
  partition::GroupWriter group(writer, meta.window_start_ms);
  storage::ColumnBuffer samples;
  Times all;
  while (series.next()) {
    RETURN_IF_ERROR(series.read(window, samples));
    if (samples.empty()) continue;
    Times own;
    own.add(samples.t);
    own.add(samples.histogram_t);
    all.min = std::min(all.min, own.min);
    all.max = std::max(all.max, own.max);
    meta.samples += samples.t.size() + samples.histogram_t.size();
    RETURN_IF_ERROR(index.add(series.labels(), own.min, own.max));
    group.add(samples);
    if (group.series() == partition::kSeriesPerGroup) {
      RETURN_IF_ERROR(group.flush((index.series() - 1) / partition::kSeriesPerGroup));
    }
  }
  RETURN_IF_ERROR(series.status());
  meta.series = index.series();
  if (meta.series == 0) return Status::ok();
  if (group.series() > 0) {
    RETURN_IF_ERROR(group.flush((index.series() - 1) / partition::kSeriesPerGroup));
  }
  meta.min_time_ms = all.min;
  meta.max_time_ms = all.max;
  return index.finish();
}

}  // namespace

base::Result<storage::PartitionMeta> write_partition(storage::BlockStore& store,
                                                     storage::SeriesSet& series,
                                                     storage::PartitionMeta meta) {
  meta.samples = 0;
  ASSIGN_OR_RETURN(const std::unique_ptr<storage::BlockStore::Writer> writer,
                   store.new_partition(&meta.id));
  RETURN_IF_ERROR(write_series(*writer, series, meta));
  if (meta.series == 0) {
    // Replay must know that the window is done: the meta key alone says so.
    meta.bytes = 0;
    meta.min_time_ms = meta.max_time_ms = meta.window_start_ms;
    RETURN_IF_ERROR(store.put_meta(meta));
    return meta;
  }
  RETURN_IF_ERROR(writer->commit(meta));
  meta.bytes = writer->bytes();
  return meta;
}

}  // namespace silverback::tsdb
