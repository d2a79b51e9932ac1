#include "server/api/api.h"
#include "server/api/render.h"

namespace silverback::server::api {

using base::Result;
using base::Status;

namespace {

constexpr int64_t kMaxStatsLimit = 10'000;

void write_top(base::JsonWriter& w, const char* key, const tsdb::CardinalityStats::Top& top) {
  w.key(key);
  w.begin_array();
  for (const auto& [name, value] : top) {
    w.begin_object();
    w.key("name");
    w.string(name);
    w.key("value");
    w.number(value);
    w.end_object();
  }
  w.end_array();
}

/// The name that tools know blocks by: 48 bits of time and 80 bits, 26 digits of base 32. Ours are
/// the newest sample's time and the partition's number, so that they sort as the data does.
std::string partition_ulid(const tsdb::PartitionInfo& partition) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const uint64_t time =
      partition.max_time_ms > 0 ? static_cast<uint64_t>(partition.max_time_ms) & 0xffffffffffff : 0;
  std::string ulid(26, '0');
  for (size_t i = 0; i < 10; ++i) ulid[9 - i] = kDigits[(time >> (5 * i)) & 31];
  for (size_t i = 0; i < 7; ++i) ulid[25 - i] = kDigits[(uint64_t{partition.id} >> (5 * i)) & 31];
  return ulid;
}

void write_partition(base::JsonWriter& w, const tsdb::PartitionInfo& partition) {
  const std::string ulid = partition_ulid(partition);
  w.begin_object();
  w.key("ulid");
  w.string(ulid);
  w.key("minTime");
  w.number(partition.min_time_ms);
  w.key("maxTime");
  w.number(partition.max_time_ms + 1);  // a block's end is exclusive
  w.key("stats");
  w.begin_object();
  w.key("numSamples");
  w.number(partition.samples);
  w.key("numSeries");
  w.number(partition.series);
  w.end_object();
  w.key("compaction");
  w.begin_object();
  w.key("level");
  w.number(int64_t{1});
  w.key("sources");
  write_strings(w, {ulid});
  w.end_object();
  w.key("version");
  w.number(int64_t{1});
  w.end_object();
}

}  // namespace

Answer status_tsdb(Context& ctx, const Call& call) {
  int64_t limit = 10;
  const std::string_view text = call.params.get("limit");
  if (!text.empty()) {
    const Result<int64_t> number = parse_int(text);
    if (!number || *number < 1)
      return Status(base::Errc::kBadData, "limit must be a positive number");
    if (*number > kMaxStatsLimit)
      return Status(base::Errc::kBadData, "limit must not exceed 10000");
    limit = *number;
  }
  const tsdb::CardinalityStats stats = ctx.db->cardinality(static_cast<size_t>(limit));
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("headStats");
  w.begin_object();
  w.key("numSeries");
  w.number(stats.series);
  w.key("numLabelPairs");
  w.number(stats.label_pairs);
  w.key("chunkCount");
  w.number(stats.chunks);
  w.key("minTime");
  w.number(stats.min_time_ms);
  w.key("maxTime");
  w.number(stats.max_time_ms);
  w.end_object();
  write_top(w, "seriesCountByMetricName", stats.series_by_metric_name);
  write_top(w, "labelValueCountByLabelName", stats.label_values_by_name);
  write_top(w, "memoryInBytesByLabelName", stats.memory_by_label_name);
  write_top(w, "seriesCountByLabelValuePair", stats.series_by_label_pair);
  w.end_object();
  return Answer(std::move(json));
}

Answer status_tsdb_blocks(Context& ctx, const Call& /*call*/) {
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("blocks");
  w.begin_array();
  for (const tsdb::PartitionInfo& partition : ctx.db->partitions()) write_partition(w, partition);
  w.end_array();
  w.end_object();
  return Answer(std::move(json));
}

/// Answers before readiness too: it tells how far the start is.
Answer status_walreplay(Context& ctx, const Call& /*call*/) {
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("min");
  w.number(ctx.replay->first.load());
  w.key("max");
  w.number(ctx.replay->last.load());
  w.key("current");
  w.number(ctx.replay->current.load());
  w.end_object();
  return Answer(std::move(json));
}

}  // namespace silverback::server::api
