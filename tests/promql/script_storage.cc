#include "tests/promql/script_storage.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/clock.h"
#include "storage/appender.h"
#include "tests/support/memory_storage.h"
#include "tsdb/db.h"

namespace silverback::testing {

namespace {

using base::Errc;
using base::Result;
using base::Status;

class MemoryScriptStorage final : public ScriptStorage {
 public:
  Status clear() override {
    storage_.clear();
    return Status::ok();
  }
  Status load(const LoadCommand& command) override {
    for (const LoadSample& s : command.samples) {
      if (s.h) {
        storage_.add(s.labels, s.t, *s.h, s.start);
      } else {
        storage_.add(s.labels, s.t, s.v, s.start);
      }
    }
    return Status::ok();
  }
  Result<storage::Queryable*> open() override { return &storage_; }

 private:
  MemoryStorage storage_;
};

/// A real database in a folder of its own. Loads overlap in time, which a database that has moved
/// on refuses: it is built anew from all loads since the last clear when a query follows a load.
class TsdbScriptStorage final : public ScriptStorage {
 public:
  explicit TsdbScriptStorage(bool flush) : flush_(flush), clock_(kNowMs) {
    folder_ = std::filesystem::temp_directory_path() /
              ("silverback_script_" + std::to_string(::getpid()));
  }
  ~TsdbScriptStorage() override { drop(); }

  Status clear() override {
    samples_.clear();
    drop();
    return Status::ok();
  }

  Status load(const LoadCommand& command) override {
    samples_.insert(samples_.end(), command.samples.begin(), command.samples.end());
    drop();
    return Status::ok();
  }

  Result<storage::Queryable*> open() override {
    if (db_ == nullptr) RETURN_IF_ERROR(build());
    return db_.get();
  }

 private:
  // Behind every sample of a script, so that none is ahead of the clock.
  static constexpr int64_t kNowMs = int64_t{200} * 365 * 24 * 3600 * 1000;

  void drop() {
    db_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  Status build() {
    tsdb::DbOptions options;
    options.path = folder_.string();
    options.retention_ms = 0;
    options.wal_sync = tsdb::WalSync::kNone;
    options.clock = &clock_;
    ASSIGN_OR_RETURN(db_, tsdb::Db::open(options));
    db_->start();
    RETURN_IF_ERROR(append());
    return flush_ ? db_->flush() : Status::ok();
  }

  /// One batch, oldest first: a window closes only when a later one is written to.
  Status append() {
    // Of samples of one series at one time the last counts, as in a script's storage.
    std::map<std::pair<model::TimestampMs, std::string>, const LoadSample*> ordered;
    for (const LoadSample& s : samples_) ordered[{s.t, s.labels.bytes()}] = &s;
    std::unique_ptr<storage::Appender> appender = db_->appender();
    for (const auto& [key, s] : ordered) {
      ASSIGN_OR_RETURN(const storage::SeriesRef ref, appender->resolve(s->labels));
      RETURN_IF_ERROR(s->h ? appender->append(ref, s->start, s->t, *s->h)
                           : appender->append(ref, s->start, s->t, s->v));
    }
    ASSIGN_OR_RETURN(const storage::CommitCounts counts,
                     storage::commit_and_wait(*appender, storage::Durability::kVisible));
    if (counts.refused() == 0) return Status::ok();
    return counts.first_error.with_context(std::to_string(counts.refused()) + " samples refused");
  }

  const bool flush_;
  base::ManualClock clock_;
  std::filesystem::path folder_;
  std::vector<LoadSample> samples_;
  std::unique_ptr<tsdb::Db> db_;
};

}  // namespace

Result<std::unique_ptr<ScriptStorage>> make_script_storage(std::string_view kind) {
  if (kind == "memory")
    return std::unique_ptr<ScriptStorage>(std::make_unique<MemoryScriptStorage>());
  if (kind == "head" || kind == "disk") {
    return std::unique_ptr<ScriptStorage>(std::make_unique<TsdbScriptStorage>(kind == "disk"));
  }
  return Status(Errc::kBadData, "unknown storage \"" + std::string(kind) + "\"");
}

}  // namespace silverback::testing
