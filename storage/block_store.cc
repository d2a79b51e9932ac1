#include "storage/block_store.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/file.h"
#include "storage/block_keys.h"
#include "storage/rocks_db.h"

namespace silverback::storage {
namespace {

using base::Errc;
using base::Status;

constexpr uint64_t kMaxTableBytes = uint64_t{512} << 20;
constexpr std::string_view kTemporarySuffix = ".sst.tmp";

bool has_suffix(std::string_view s, std::string_view suffix) {
  return s.size() >= suffix.size() && s.substr(s.size() - suffix.size()) == suffix;
}

Status remove_if_there(const std::string& path) {
  base::FileSystem& fs = base::FileSystem::real();
  return fs.exists(path) ? fs.remove(path) : Status::ok();
}

Status delete_partition_files(RocksDb& db, uint32_t id) {
  return db.delete_files(id_bytes(id), id_bytes(id + 1));
}

// The table files of one family of a partition being written.
struct TableList {
  std::vector<std::string> paths;
  std::unique_ptr<TableWriter> writer;
  uint64_t finished_bytes = 0;
};

// Files are moved into the database by commit(); whatever is left of them goes with the writer.
class PartitionTables final : public BlockStore::Writer {
 public:
  PartitionTables(RocksDb& db, std::string flush_path, uint32_t id)
      : db_(db), flush_path_(std::move(flush_path)), id_(id) {}
  ~PartitionTables() override {
    for (TableList* list : {&chunks_, &index_}) {
      list->writer.reset();
      for (const std::string& path : list->paths) {
        remove_if_there(path).permit_unchecked("swept at the next open");
      }
    }
  }

  Status put_chunks(std::string_view key, std::string_view value) override {
    return put(Family::kChunks, chunks_, key, value);
  }
  Status put_index(std::string_view key, std::string_view value) override {
    return put(Family::kIndex, index_, key, value);
  }
  uint64_t bytes() const override {
    uint64_t sum = 0;
    for (const TableList* list : {&chunks_, &index_}) {
      sum += list->finished_bytes + (list->writer ? list->writer->file_bytes() : 0);
    }
    return sum;
  }

  Status commit(const PartitionMeta& meta) override {
    PartitionMeta stored = meta;
    stored.id = id_;
    stored.bytes = bytes();
    RETURN_IF_ERROR(put_index(kOwnMetaKey, encode_meta(stored)));
    RETURN_IF_ERROR(finish(chunks_));
    RETURN_IF_ERROR(finish(index_));
    stored.bytes = bytes();
    Status status = db_.ingest(chunks_.paths, index_.paths);
    if (status.is_ok()) {
      status = db_.write_meta({{meta_key(kPartitionKey, id_), encode_meta(stored), false}});
    }
    if (status.is_ok()) return status;
    // What the failed call left behind must not be found and adopted at the next open, next to the
    // partition that the caller's second attempt makes.
    const bool visible =
        db_.get(Family::kMeta, meta_key(kPartitionKey, id_)).status().code() != Errc::kNotFound;
    if (!visible) delete_partition_files(db_, id_).permit_unchecked("the first error is told");
    return status.with_context("partition " + std::to_string(id_));
  }

 private:
  Status put(Family family, TableList& list, std::string_view key, std::string_view value) {
    if (list.writer != nullptr && list.writer->file_bytes() >= kMaxTableBytes) {
      RETURN_IF_ERROR(finish(list));
    }
    if (list.writer == nullptr) {
      std::string path = flush_path_ + "/" + std::to_string(id_) + "-" +
                         std::string(family_name(family)) + "-" +
                         std::to_string(list.paths.size()) + std::string(kTemporarySuffix);
      list.paths.push_back(path);
      ASSIGN_OR_RETURN(list.writer, db_.table_writer(family, path));
    }
    key_ = id_bytes(id_);
    key_ += key;
    return list.writer->put(key_, value);
  }
  static Status finish(TableList& list) {
    if (list.writer == nullptr) return Status::ok();
    RETURN_IF_ERROR(list.writer->finish());
    list.finished_bytes += list.writer->file_bytes();
    list.writer.reset();
    return Status::ok();
  }

  RocksDb& db_;
  const std::string flush_path_;
  const uint32_t id_;
  TableList chunks_, index_;
  std::string key_;
};

}  // namespace

struct BlockStore::Impl {
  Options options;
  base::Logger* logger = nullptr;
  std::unique_ptr<RocksDb> db;
  std::set<uint32_t> put_aside;  // damaged; constant after open
  uint32_t next_id = 1;          // of the writing thread

  Status open();
  Status open_database();
  Status sweep_flush_folder();
  Status salvage();
  Status ingest_salvaged(const std::string& folder);
  Status sweep_partitions();
  Status adopt_or_delete(uint32_t id, bool dropping);
  Status find_damage(bool check_files, const std::set<uint32_t>& with_files);
  base::Result<std::vector<PartitionMeta>> all_metas() const;

  bool opened_unchecked = false;
};

Status BlockStore::Impl::sweep_flush_folder() {
  base::FileSystem& fs = base::FileSystem::real();
  ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.list(options.flush_path));
  for (const std::string& name : names) {
    if (!has_suffix(name, kTemporarySuffix)) continue;
    RETURN_IF_ERROR(fs.remove(options.flush_path + "/" + name));
    logger->info("Removed the file of an unfinished flush", {{"file", name}});
  }
  return Status::ok();
}

Status BlockStore::Impl::open_database() {
  base::FileSystem& fs = base::FileSystem::real();
  ASSIGN_OR_RETURN(const std::vector<std::string> names, fs.list(options.db_path));
  const bool has_tables = std::any_of(names.begin(), names.end(),
                                      [](const std::string& n) { return has_suffix(n, ".sst"); });
  // Without CURRENT, RocksDB would start an empty database and delete the tables it finds.
  if (has_tables && !fs.exists(options.db_path + "/CURRENT")) return salvage();
  RocksDb::Options rocks{options.db_path, options.cache_bytes, true};
  auto opened = RocksDb::open(rocks);
  if (!opened.is_ok() && opened.status().code() == Errc::kCorruption) {
    logger->error("Damaged block database, opening it without checks",
                  {{"err", opened.status().message()}});
    opened_unchecked = true;
    rocks.paranoid = false;
    opened = RocksDb::open(rocks);
    if (!opened.is_ok() && opened.status().code() == Errc::kCorruption) {
      logger->error("Block database cannot be opened", {{"err", opened.status().message()}});
      return salvage();
    }
  }
  ASSIGN_OR_RETURN(db, std::move(opened));
  return Status::ok();
}

// RocksDB's list of files is lost: a new database takes over every table that can be read.
Status BlockStore::Impl::salvage() {
  base::FileSystem& fs = base::FileSystem::real();
  std::string broken;
  for (int i = 1; broken.empty() || fs.exists(broken); ++i) {
    broken = options.db_path + ".broken-" + std::to_string(i);
  }
  logger->error("Rebuilding the block database from its tables; what cannot be used is kept",
                {{"kept", broken}});
  RETURN_IF_ERROR(fs.rename(options.db_path, broken));
  RETURN_IF_ERROR(fs.make_dirs(options.db_path));
  opened_unchecked = false;
  ASSIGN_OR_RETURN(db, RocksDb::open({options.db_path, options.cache_bytes, true}));
  return ingest_salvaged(broken);
}

Status BlockStore::Impl::ingest_salvaged(const std::string& folder) {
  struct Tables {
    std::array<std::vector<std::string>, kFamilies> paths;
    bool whole = true;
  };
  std::map<uint32_t, Tables> found;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, base::FileSystem::real().list(folder));
  for (const std::string& name : names) {
    if (!has_suffix(name, ".sst")) continue;
    const base::Result<TableFile> table = RocksDb::inspect_table(folder + "/" + name);
    if (!table.is_ok()) {
      if (table.status().code() != Errc::kNotFound) {
        logger->error("Table cannot be read", {{"file", name}, {"err", table.status().message()}});
      }
      continue;
    }
    Tables& tables = found[id_of(table->smallest)];
    tables.paths[static_cast<size_t>(table->family)].push_back(table->path);
    tables.whole &= id_of(table->smallest) == id_of(table->largest);
  }
  for (const auto& [id, tables] : found) {
    const auto& chunks = tables.paths[static_cast<size_t>(Family::kChunks)];
    const auto& index = tables.paths[static_cast<size_t>(Family::kIndex)];
    Status status(Errc::kCorruption, "no complete index");
    if (tables.whole && !index.empty()) status = db->ingest(chunks, index);
    if (!status.is_ok()) {
      logger->error("Partition is lost", {{"partition", id}, {"err", status.message()}});
    }
  }
  return Status::ok();
}

base::Result<std::vector<PartitionMeta>> BlockStore::Impl::all_metas() const {
  std::vector<PartitionMeta> out;
  Status status;
  const std::string lower(1, kPartitionKey);
  const Status scanned = db->scan(Family::kMeta, lower, end_of_prefix(lower),
                                  [&](std::string_view key, std::string_view value) {
                                    base::Result<PartitionMeta> meta = decode_meta(value);
                                    if (!meta.is_ok()) {
                                      status = meta.status();
                                      return false;
                                    }
                                    meta->id = id_of(key.substr(1));
                                    out.push_back(*meta);
                                    return true;
                                  });
  RETURN_IF_ERROR(scanned);
  RETURN_IF_ERROR(status);
  return out;
}

Status BlockStore::Impl::adopt_or_delete(uint32_t id, bool dropping) {
  if (!dropping) {
    const base::Result<std::string> own =
        db->get(Family::kIndex, id_bytes(id) + std::string(kOwnMetaKey));
    if (own.is_ok()) {
      ASSIGN_OR_RETURN(PartitionMeta meta, decode_meta(*own));
      meta.id = id;
      logger->warn("Found a complete partition that was not listed", {{"partition", id}});
      return db->write_meta({{meta_key(kPartitionKey, id), encode_meta(meta), false}});
    }
    if (own.status().code() != Errc::kNotFound) {
      logger->error("Files of an unlisted partition are damaged, left alone",
                    {{"partition", id}, {"err", own.status().message()}});
      return Status::ok();
    }
  }
  logger->info("Removing the files of a partition that is gone", {{"partition", id}});
  RETURN_IF_ERROR(delete_partition_files(*db, id));
  return db->write_meta({{meta_key(kDroppingKey, id), "", true}});
}

Status BlockStore::Impl::find_damage(bool check_files, const std::set<uint32_t>& with_files) {
  ASSIGN_OR_RETURN(const std::vector<PartitionMeta> metas, all_metas());
  for (const PartitionMeta& meta : metas) {
    Status status;
    if (meta.bytes > 0 && with_files.count(meta.id) == 0) {
      status = Status(Errc::kCorruption, "its files are gone");
    } else if (check_files) {
      for (const Family family : {Family::kChunks, Family::kIndex}) {
        if (!status.is_ok()) break;
        status = db->check_range(family, id_bytes(meta.id), id_bytes(meta.id + 1));
      }
    }
    if (status.is_ok()) continue;
    put_aside.insert(meta.id);
    logger->error("Partition is damaged and put aside; the rest is served",
                  {{"partition", meta.id},
                   {"window_start_ms", meta.window_start_ms},
                   {"window_end_ms", meta.window_end_ms},
                   {"err", status.message()}});
  }
  return Status::ok();
}

Status BlockStore::Impl::sweep_partitions() {
  std::set<uint32_t> with_files;
  for (const TableFile& file : db->table_files()) with_files.insert(id_of(file.smallest));
  std::set<uint32_t> listed, dropping;
  ASSIGN_OR_RETURN(const std::vector<PartitionMeta> metas, all_metas());
  for (const PartitionMeta& meta : metas) listed.insert(meta.id);
  const std::string lower(1, kDroppingKey);
  RETURN_IF_ERROR(db->scan(Family::kMeta, lower, end_of_prefix(lower),
                           [&](std::string_view key, std::string_view) {
                             dropping.insert(id_of(key.substr(1)));
                             return true;
                           }));
  const base::Result<std::string> counter = db->get(Family::kMeta, kNextIdKey);
  if (counter.is_ok()) {
    base::ByteReader in(*counter);
    next_id = std::max(next_id, in.u32());
  } else if (counter.status().code() != Errc::kNotFound) {
    return counter.status();
  }
  for (const auto* ids : {&with_files, &listed, &dropping}) {
    if (!ids->empty()) next_id = std::max(next_id, *ids->rbegin() + 1);
  }
  for (const uint32_t id : with_files) {
    if (listed.count(id) == 0) RETURN_IF_ERROR(adopt_or_delete(id, dropping.count(id) != 0));
  }
  for (const uint32_t id : dropping) {
    if (with_files.count(id) != 0) continue;
    RETURN_IF_ERROR(db->write_meta({{meta_key(kDroppingKey, id), "", true}}));
  }
  return find_damage(opened_unchecked, with_files);
}

Status BlockStore::Impl::open() {
  base::FileSystem& fs = base::FileSystem::real();
  RETURN_IF_ERROR(fs.make_dirs(options.db_path));
  RETURN_IF_ERROR(fs.make_dirs(options.flush_path));
  RETURN_IF_ERROR(sweep_flush_folder());
  RETURN_IF_ERROR(open_database());
  return sweep_partitions();
}

BlockStore::BlockStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BlockStore::~BlockStore() = default;

base::Result<std::unique_ptr<BlockStore>> BlockStore::open(Options options) {
  auto impl = std::make_unique<Impl>();
  impl->logger = options.logger != nullptr ? options.logger : &base::Logger::null();
  impl->options = std::move(options);
  RETURN_IF_ERROR(impl->open());
  return std::unique_ptr<BlockStore>(new BlockStore(std::move(impl)));
}

base::Result<std::unique_ptr<BlockStore::Writer>> BlockStore::new_partition(uint32_t* id) {
  const uint32_t fresh = impl_->next_id;
  if (fresh >= UINT32_MAX - 1) return Status(Errc::kLimit, "partition ids are used up");
  std::string next;
  base::ByteWriter(next).u32(fresh + 1);
  RETURN_IF_ERROR(impl_->db->write_meta({{std::string(kNextIdKey), next, false}}));
  impl_->next_id = fresh + 1;
  *id = fresh;
  return std::unique_ptr<Writer>(
      std::make_unique<PartitionTables>(*impl_->db, impl_->options.flush_path, fresh));
}

Status BlockStore::put_meta(const PartitionMeta& meta) {
  PartitionMeta stored = meta;
  if (stored.id == 0) {
    uint32_t id = 0;
    ASSIGN_OR_RETURN(const std::unique_ptr<Writer> unused, new_partition(&id));
    stored.id = id;
  }
  return impl_->db->write_meta({{meta_key(kPartitionKey, stored.id), encode_meta(stored), false}});
}

base::Result<std::vector<PartitionMeta>> BlockStore::partitions() const {
  ASSIGN_OR_RETURN(std::vector<PartitionMeta> metas, impl_->all_metas());
  std::erase_if(metas,
                [this](const PartitionMeta& m) { return impl_->put_aside.count(m.id) != 0; });
  return metas;
}

base::Result<std::string> BlockStore::get_chunks(uint32_t partition, std::string_view key) const {
  return impl_->db->get(Family::kChunks, id_bytes(partition) + std::string(key));
}

Status BlockStore::visit_chunks(uint32_t partition, std::string_view key,
                                const std::function<Status(std::string_view value)>& fn) const {
  return impl_->db->visit(Family::kChunks, id_bytes(partition) + std::string(key), fn);
}

base::Result<std::string> BlockStore::get_index(uint32_t partition, std::string_view key) const {
  return impl_->db->get(Family::kIndex, id_bytes(partition) + std::string(key));
}

Status BlockStore::scan_index(
    uint32_t partition, std::string_view prefix,
    const std::function<bool(std::string_view key, std::string_view value)>& fn) const {
  const std::string lower = id_bytes(partition) + std::string(prefix);
  return impl_->db->scan(Family::kIndex, lower, end_of_prefix(lower),
                         [&fn](std::string_view key, std::string_view value) {
                           key.remove_prefix(4);
                           return key == kOwnMetaKey || fn(key, value);
                         });
}

Status BlockStore::drop_partition(uint32_t id) {
  RETURN_IF_ERROR(impl_->db->write_meta(
      {{meta_key(kPartitionKey, id), "", true}, {meta_key(kDroppingKey, id), "", false}}));
  RETURN_IF_ERROR(delete_partition_files(*impl_->db, id));
  return impl_->db->write_meta({{meta_key(kDroppingKey, id), "", true}});
}

uint64_t BlockStore::disk_bytes() const {
  return impl_->db->disk_bytes();
}

}  // namespace silverback::storage
