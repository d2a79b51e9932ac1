#include "tsdb/db.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "storage/block_store.h"
#include "tsdb/cardinality.h"
#include "tsdb/data_folder.h"
#include "tsdb/head.h"
#include "tsdb/head_appender.h"
#include "tsdb/maintenance.h"
#include "tsdb/metrics.h"
#include "tsdb/querier.h"
#include "tsdb/replay.h"
#include "tsdb/tsdb_version.h"
#include "tsdb/wal/writer.h"

namespace silverback::tsdb {
namespace {

using base::Errc;
using base::Result;
using base::Status;

constexpr int64_t kNoMinTime = std::numeric_limits<int64_t>::max();
constexpr int64_t kNoMaxTime = std::numeric_limits<int64_t>::min();

double seconds(int64_t ms) {
  return static_cast<double>(ms) / 1000;
}

}  // namespace

// Declared in the order of construction: destruction takes readers of parts away first.
struct Db::Impl {
  explicit Impl(DbOptions o)
      : options(std::move(o)),
        files(options.files != nullptr ? *options.files : base::FileSystem::real()),
        clock(options.clock != nullptr ? *options.clock : own_clock),
        logger(options.logger != nullptr ? *options.logger : base::Logger::null()),
        registry(options.registry != nullptr ? *options.registry : own_registry),
        metrics(registry) {}

  Status open();
  Status open_parts();
  Flusher::Parts parts();
  void collect(base::metrics::Sink& sink) const;
  void collect_head(base::metrics::Sink& sink) const;
  void collect_disk(base::metrics::Sink& sink) const;
  int64_t lowest_timestamp() const;

  const DbOptions options;
  base::SystemClock own_clock;
  base::metrics::Registry own_registry;
  base::FileSystem& files;
  base::Clock& clock;
  base::Logger& logger;
  base::metrics::Registry& registry;
  Metrics metrics;
  std::string folder;
  uint64_t corruptions = 0;
  std::atomic<storage::TargetId> next_target{1};
  std::atomic<bool> started{false};
  std::atomic<bool> stopped{false};

  std::unique_ptr<FolderLock> lock;
  std::unique_ptr<storage::BlockStore> store;
  std::unique_ptr<VersionSet> versions;
  std::unique_ptr<Head> head;
  std::unique_ptr<wal::Writer> log;
  std::unique_ptr<Maintenance> maintenance;
  std::shared_ptr<void> collector;
};

Flusher::Parts Db::Impl::parts() {
  return {head.get(), log.get(), store.get(), versions.get(), &clock, &logger, &metrics};
}

Status Db::Impl::open() {
  if (options.window_ms <= 0) return Status(Errc::kBadData, "the window must be longer than 0");
  ASSIGN_OR_RETURN(folder, prepare_data_folder(files, logger, options.path));
  metrics.clean_start.set(-1);
  if (options.lock_file) {
    ASSIGN_OR_RETURN(lock, FolderLock::take(folder + "/lock"));
    metrics.clean_start.set(lock->was_left_behind() ? 0 : 1);
  }
  RETURN_IF_ERROR(mark_data_folder(files, logger, folder));
  for (const char* sub : {"/wal", "/db", "/flush"}) RETURN_IF_ERROR(files.make_dirs(folder + sub));
  storage::BlockStore::Options store_options;
  store_options.db_path = folder + "/db";
  store_options.flush_path = folder + "/flush";
  store_options.logger = &logger;
  ASSIGN_OR_RETURN(store, storage::BlockStore::open(store_options));
  ASSIGN_OR_RETURN(versions, VersionSet::open(*store));
  metrics.reloads.inc();
  return open_parts();
}

Status Db::Impl::open_parts() {
  head = std::make_unique<Head>(Head::Options{options.window_ms, options.max_head_series, &clock,
                                              &metrics, options.max_exemplars});
  const auto begun = clock.monotonic();
  const std::shared_ptr<const TsdbVersion> version = versions->current();
  ASSIGN_OR_RETURN(ReplayResult replayed,
                   replay_wal({&files, &logger, &metrics, head.get(), options.replay},
                              folder + "/wal", version->flushed));
  corruptions = replayed.damaged;
  model::TimestampMs newest = model::kMinTime;
  for (const auto& p : version->partitions) {
    newest = std::max(newest, p->meta().max_time_ms);
    replayed.last_sequence = std::max(replayed.last_sequence, p->meta().wal_sequence);
  }
  head->restore_end(replayed.last_sequence, newest);
  const std::chrono::duration<double> took = clock.monotonic() - begun;
  metrics.replay_seconds.set(took.count());
  logger.info("WAL replayed", {{"segments", replayed.segments.size()},
                               {"samples", replayed.samples},
                               {"series", head->table().size()},
                               {"seconds", took.count()}});

  wal::Writer::Options log_options;
  log_options.dir = folder + "/wal";
  log_options.segment_bytes = options.wal_segment_bytes;
  log_options.sync = options.wal_sync;
  log_options.files = &files;
  log_options.clock = &clock;
  log_options.logger = &logger;
  log_options.metrics = &metrics;
  log_options.first_sequence = replayed.last_sequence + 1;
  log_options.segments = std::move(replayed.segments);
  log_options.next_segment = replayed.next_segment;
  log = std::make_unique<wal::Writer>(std::move(log_options));
  head->set_log(log.get());
  maintenance = std::make_unique<Maintenance>(
      parts(), RetentionLimits{options.retention_ms, options.retention_bytes});
  collector = registry.add_collector([this](base::metrics::Sink& sink) { collect(sink); });
  return {};
}

int64_t Db::Impl::lowest_timestamp() const {
  int64_t lowest = head->min_time();
  for (const auto& p : versions->current()->partitions) {
    lowest = std::min(lowest, p->meta().min_time_ms);
  }
  return lowest;
}

void Db::Impl::collect(base::metrics::Sink& sink) const {
  collect_head(sink);
  collect_disk(sink);
  head->exemplars().collect(sink);
}

void Db::Impl::collect_head(base::metrics::Sink& sink) const {
  const auto series = static_cast<double>(head->table().size());
  const bool empty = head->max_time() == model::kMinTime;
  const int64_t min_t = std::min(head->min_time(), empty ? 0 : head->max_time());
  const int64_t max_t = empty ? 0 : head->max_time();
  sink.gauge("prometheus_tsdb_head_series", "Total number of series in the head block.", {},
             series);
  sink.counter("prometheus_tsdb_head_series_created_total",
               "Total number of series created in the head", {},
               static_cast<double>(head->table().created()));
  sink.counter("prometheus_tsdb_head_series_removed_total",
               "Total number of series removed in the head", {}, 0);
  // The last sequence given out, and the lowest that an open querier reads at.
  sink.gauge("prometheus_tsdb_isolation_high_watermark",
             "The highest TSDB append ID that has been given out.", {},
             static_cast<double>(head->published().load()));
  sink.gauge("prometheus_tsdb_isolation_low_watermark",
             "The lowest TSDB append ID that is still referenced.", {},
             static_cast<double>(head->readers().low(head->published())));
  sink.gauge("prometheus_tsdb_head_chunks", "Total number of chunks in the head block.", {},
             static_cast<double>(head->chunks()));
  sink.gauge("prometheus_tsdb_head_min_time",
             "Minimum time bound of the head block. The unit is decided by the library consumer.",
             {}, static_cast<double>(min_t));
  sink.gauge("prometheus_tsdb_head_max_time",
             "Maximum timestamp of the head block. The unit is decided by the library consumer.",
             {}, static_cast<double>(max_t));
  sink.gauge("prometheus_tsdb_head_min_time_seconds", "Minimum time bound of the head block.", {},
             seconds(min_t));
  sink.gauge("prometheus_tsdb_head_max_time_seconds", "Maximum timestamp of the head block.", {},
             seconds(max_t));
}

void Db::Impl::collect_disk(base::metrics::Sink& sink) const {
  const std::shared_ptr<const TsdbVersion> version = versions->current();
  double bytes = 0;
  for (const auto& p : version->partitions) bytes += static_cast<double>(p->meta().bytes);
  const int64_t lowest = lowest_timestamp() == kNoMinTime ? 0 : lowest_timestamp();
  const RetentionLimits limits = maintenance->limits();
  sink.gauge("prometheus_tsdb_blocks_loaded", "Number of currently loaded data blocks", {},
             static_cast<double>(version->partitions.size()));
  sink.gauge("prometheus_tsdb_storage_blocks_bytes",
             "The number of bytes that are currently used for local storage by all blocks.", {},
             bytes);
  sink.gauge("silverback_tsdb_db_disk_bytes", "Bytes of the RocksDB folder's table files.", {},
             static_cast<double>(store->disk_bytes()));
  sink.gauge("prometheus_tsdb_lowest_timestamp", "Lowest timestamp value stored in the database.",
             {}, static_cast<double>(lowest));
  sink.gauge("prometheus_tsdb_lowest_timestamp_seconds",
             "Lowest timestamp value stored in the database.", {}, seconds(lowest));
  sink.gauge("prometheus_tsdb_retention_limit_seconds", "How long to retain samples in storage.",
             {}, seconds(limits.retention_ms));
  sink.gauge("prometheus_tsdb_retention_limit_bytes",
             "Max number of bytes to be retained in the tsdb blocks, configured 0 means disabled",
             {}, static_cast<double>(limits.retention_bytes));
  sink.gauge("prometheus_tsdb_retention_limit_percentage",
             "Max percentage of the disk that the blocks may use, configured 0 means disabled", {},
             0);
  sink.gauge("prometheus_tsdb_wal_segment_current",
             "Write log segment index that TSDB is currently writing to.", {},
             static_cast<double>(log->current_segment()));
  sink.gauge("prometheus_tsdb_wal_storage_size_bytes", "Size of the write log directory.", {},
             static_cast<double>(log->bytes()));
}

Db::Db(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Db::~Db() {
  stop();
}

Result<std::unique_ptr<Db>> Db::open(DbOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  RETURN_IF_ERROR(impl->open());
  return std::unique_ptr<Db>(new Db(std::move(impl)));
}

void Db::start() {
  if (impl_->started.exchange(true)) return;
  impl_->log->start();
  impl_->maintenance->start();
}

void Db::stop() {
  if (impl_->stopped.exchange(true)) return;
  impl_->maintenance->stop();
  impl_->log->stop();
  impl_->lock.reset();
}

storage::TargetId Db::open_target() {
  return impl_->next_target.fetch_add(1);
}

void Db::close_target(storage::TargetId /*target*/) {}

std::unique_ptr<storage::Appender> Db::appender() {
  return std::make_unique<HeadAppender>(*impl_->head, impl_->metrics.active_appenders);
}

Result<std::unique_ptr<storage::Querier>> Db::querier(storage::QuerierOptions options) {
  return std::unique_ptr<storage::Querier>(std::make_unique<TsdbQuerier>(
      std::make_shared<ReadView>(*impl_->head, *impl_->versions, std::move(options))));
}

Status Db::flush() {
  return impl_->maintenance->flush_all();
}

void Db::set_max_exemplars(size_t count) {
  impl_->head->exemplars().resize(count);
}

void Db::set_retention(int64_t retention_ms, uint64_t retention_bytes) {
  impl_->maintenance->set_limits({retention_ms, retention_bytes});
}

CardinalityStats Db::cardinality(size_t limit) const {
  CardinalityStats out = count_cardinality(impl_->head->table().postings(), limit);
  out.series = impl_->head->table().size();
  out.chunks = static_cast<uint64_t>(std::max<int64_t>(0, impl_->head->chunks()));
  out.min_time_ms = impl_->head->min_time();
  const bool empty = out.min_time_ms == kNoMinTime;
  out.max_time_ms = empty ? kNoMaxTime : impl_->head->max_time();
  return out;
}

std::vector<PartitionInfo> Db::partitions() const {
  std::vector<PartitionInfo> out;
  for (const auto& p : impl_->versions->current()->partitions) {
    const storage::PartitionMeta& meta = p->meta();
    out.push_back(
        PartitionInfo{meta.id, meta.min_time_ms, meta.max_time_ms, meta.series, meta.samples});
  }
  return out;
}

int64_t Db::lowest_timestamp_ms() const {
  return impl_->lowest_timestamp();
}

uint64_t Db::corruption_count() const {
  return impl_->corruptions;
}

const std::string& Db::path() const {
  return impl_->folder;
}

}  // namespace silverback::tsdb
