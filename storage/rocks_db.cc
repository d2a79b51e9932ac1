#include "storage/rocks_db.h"

#include <array>
#include <utility>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

namespace silverback::storage {
namespace {

using base::Errc;
using base::Status;
using rocksdb::Slice;

constexpr std::array<std::string_view, kFamilies> kFamilyNames = {"chunks", "index", "meta"};

Slice slice(std::string_view s) {
  return {s.data(), s.size()};
}
std::string_view view(const Slice& s) {
  return {s.data(), s.size()};
}

Status to_status(const rocksdb::Status& s) {
  if (s.ok()) return {};
  Errc code = Errc::kInternal;
  if (s.IsNotFound()) {
    code = Errc::kNotFound;
  } else if (s.IsCorruption() || s.IsPathNotFound()) {  // a file of the database is gone
    code = Errc::kCorruption;
  } else if (s.IsNoSpace() || s.IsBusy() || s.IsTryAgain() || s.IsTimedOut() || s.IsIncomplete()) {
    code = Errc::kUnavailable;
  } else if (s.IsIOError()) {
    code = Errc::kIo;
  } else if (s.IsShutdownInProgress() || s.IsAborted()) {
    code = Errc::kCanceled;
  }
  return {code, "RocksDB: " + s.ToString()};
}

rocksdb::ColumnFamilyOptions family_options(Family family,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 32 << 10;
  table.checksum = rocksdb::kXXH3;  // CRC32C is slow in Debian's portable build
  table.format_version = 5;
  table.block_cache = cache;
  // No filter: every key that is asked for is known to exist.
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  if (family == Family::kMeta) {
    options.write_buffer_size = 1 << 20;
    return options;
  }
  options.compression = rocksdb::kZSTD;
  options.compression_opts.level = 3;
  options.disable_auto_compactions = true;
  options.write_buffer_size = 64 << 10;  // never written to
  return options;
}

rocksdb::DBOptions db_options(bool paranoid) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.paranoid_checks = paranoid;
  options.max_open_files = -1;
  options.max_background_jobs = 2;
  options.max_total_wal_size = 4 << 20;
  options.max_manifest_file_size = 4 << 20;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1 << 20;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

class SstTableWriter final : public TableWriter {
 public:
  SstTableWriter(const rocksdb::Options& options, rocksdb::ColumnFamilyHandle* family)
      : writer_(rocksdb::EnvOptions(), options, family) {}
  Status open(const std::string& path) { return to_status(writer_.Open(path)); }
  Status put(std::string_view key, std::string_view value) override {
    return to_status(writer_.Put(slice(key), slice(value)));
  }
  uint64_t file_bytes() const override { return bytes_ != 0 ? bytes_ : writer_.FileSize(); }
  Status finish() override {
    rocksdb::ExternalSstFileInfo info;
    const rocksdb::Status s = writer_.Finish(&info);  // syncs
    bytes_ = info.file_size;
    return to_status(s);
  }

 private:
  mutable rocksdb::SstFileWriter writer_;  // FileSize() is not const
  uint64_t bytes_ = 0;
};

}  // namespace

std::string_view family_name(Family family) {
  return kFamilyNames[static_cast<size_t>(family)];
}

struct RocksDb::Impl {
  std::shared_ptr<rocksdb::Cache> cache;
  std::array<rocksdb::ColumnFamilyOptions, kFamilies> options;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;  // kFamilies, then "default"

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (db == nullptr) return;
    for (rocksdb::ColumnFamilyHandle* handle : handles) {
      db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    }
    db->Close().PermitUncheckedError();
  }
  rocksdb::ColumnFamilyHandle* handle(Family family) const {
    return handles[static_cast<size_t>(family)];
  }
  // RocksDB refuses writes after a background error until it is told to go on.
  Status resume_after(const rocksdb::Status& s) {
    if (!s.ok()) db->Resume().PermitUncheckedError();
    return to_status(s);
  }
};

RocksDb::RocksDb(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksDb::~RocksDb() = default;

base::Result<std::unique_ptr<RocksDb>> RocksDb::open(const Options& options) {
  auto impl = std::make_unique<Impl>();
  impl->cache = rocksdb::NewLRUCache(options.cache_bytes);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (size_t i = 0; i < kFamilies; ++i) {
    impl->options[i] = family_options(static_cast<Family>(i), impl->cache);
    families.emplace_back(std::string(kFamilyNames[i]), impl->options[i]);
  }
  families.emplace_back(rocksdb::kDefaultColumnFamilyName,
                        family_options(Family::kMeta, impl->cache));
  rocksdb::DB* db = nullptr;
  const rocksdb::Status s =
      rocksdb::DB::Open(db_options(options.paranoid), options.path, families, &impl->handles, &db);
  impl->db.reset(db);
  RETURN_IF_ERROR(to_status(s).with_context(options.path));
  return std::unique_ptr<RocksDb>(new RocksDb(std::move(impl)));
}

base::Result<std::string> RocksDb::get(Family family, std::string_view key) const {
  std::string value;
  RETURN_IF_ERROR(to_status(impl_->db->Get({}, impl_->handle(family), slice(key), &value)));
  return value;
}

Status RocksDb::visit(Family family, std::string_view key, const View& fn) const {
  rocksdb::PinnableSlice value;
  RETURN_IF_ERROR(to_status(impl_->db->Get({}, impl_->handle(family), slice(key), &value)));
  return fn(view(value));
}

Status RocksDb::scan(Family family, std::string_view lower, std::string_view upper,
                     const Visit& fn) const {
  const Slice bound = slice(upper);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> it(
      impl_->db->NewIterator(options, impl_->handle(family)));
  for (it->Seek(slice(lower)); it->Valid(); it->Next()) {
    if (!fn(view(it->key()), view(it->value()))) return Status::ok();
  }
  return to_status(it->status());
}

Status RocksDb::write_meta(const std::vector<Change>& changes) {
  rocksdb::WriteBatch batch;
  for (const Change& change : changes) {
    const rocksdb::Status s =
        change.remove ? batch.Delete(impl_->handle(Family::kMeta), change.key)
                      : batch.Put(impl_->handle(Family::kMeta), change.key, change.value);
    RETURN_IF_ERROR(to_status(s));
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  return impl_->resume_after(impl_->db->Write(options, &batch));
}

base::Result<std::unique_ptr<TableWriter>> RocksDb::table_writer(Family family,
                                                                 const std::string& path) const {
  const rocksdb::Options options({}, impl_->options[static_cast<size_t>(family)]);
  auto writer = std::make_unique<SstTableWriter>(options, impl_->handle(family));
  RETURN_IF_ERROR(writer->open(path));
  return std::unique_ptr<TableWriter>(std::move(writer));
}

Status RocksDb::ingest(const std::vector<std::string>& chunks,
                       const std::vector<std::string>& index) {
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  // The number is kept in the MANIFEST; files stay as they were written.
  options.write_global_seqno = false;
  std::vector<rocksdb::IngestExternalFileArg> args;
  for (const auto& [family, files] :
       {std::pair(Family::kChunks, &chunks), std::pair(Family::kIndex, &index)}) {
    if (files->empty()) continue;
    rocksdb::IngestExternalFileArg arg;
    arg.column_family = impl_->handle(family);
    arg.external_files = *files;
    arg.options = options;
    args.push_back(std::move(arg));
  }
  if (args.empty()) return Status::ok();
  return impl_->resume_after(impl_->db->IngestExternalFiles(args));
}

Status RocksDb::delete_files(std::string_view lower, std::string_view upper) {
  const Slice from = slice(lower), to = slice(upper);
  const rocksdb::RangePtr range(&from, &to);
  for (const Family family : {Family::kChunks, Family::kIndex}) {
    const rocksdb::Status s = rocksdb::DeleteFilesInRanges(impl_->db.get(), impl_->handle(family),
                                                           &range, 1, /*include_end=*/false);
    RETURN_IF_ERROR(impl_->resume_after(s));
  }
  return Status::ok();
}

std::vector<TableFile> RocksDb::table_files() const {
  std::vector<rocksdb::LiveFileMetaData> live;
  impl_->db->GetLiveFilesMetaData(&live);
  std::vector<TableFile> out;
  for (rocksdb::LiveFileMetaData& file : live) {
    for (const Family family : {Family::kChunks, Family::kIndex}) {
      if (file.column_family_name != family_name(family)) continue;
      out.push_back({family, file.db_path + file.name, std::move(file.smallestkey),
                     std::move(file.largestkey), file.size});
      break;
    }
  }
  return out;
}

Status RocksDb::check_range(Family family, std::string_view lower, std::string_view upper) const {
  const Slice from = slice(lower), to = slice(upper);
  const rocksdb::Range range(from, to);
  rocksdb::TablePropertiesCollection properties;
  RETURN_IF_ERROR(to_status(
      impl_->db->GetPropertiesOfTablesInRange(impl_->handle(family), &range, 1, &properties)));
  return scan(family, lower, upper, [](std::string_view, std::string_view) { return false; });
}

base::Result<TableFile> RocksDb::inspect_table(const std::string& path) {
  rocksdb::Options options({}, family_options(Family::kChunks, nullptr));
  rocksdb::SstFileReader reader(options);
  RETURN_IF_ERROR(to_status(reader.Open(path)));
  TableFile out;
  out.path = path;
  const std::string name = reader.GetTableProperties()->column_family_name;
  if (name == family_name(Family::kIndex)) {
    out.family = Family::kIndex;
  } else if (name != family_name(Family::kChunks)) {
    return Status(Errc::kNotFound, path + " belongs to family " + name);
  }
  const std::unique_ptr<rocksdb::Iterator> it(reader.NewIterator({}));
  it->SeekToFirst();
  if (it->Valid()) out.smallest = it->key().ToString();
  RETURN_IF_ERROR(to_status(it->status()));
  it->SeekToLast();
  if (it->Valid()) out.largest = it->key().ToString();
  RETURN_IF_ERROR(to_status(it->status()));
  out.bytes = reader.GetTableProperties()->data_size;
  return out;
}

uint64_t RocksDb::disk_bytes() const {
  uint64_t sum = 0;
  for (rocksdb::ColumnFamilyHandle* handle : impl_->handles) {
    uint64_t bytes = 0;
    if (impl_->db->GetIntProperty(handle, rocksdb::DB::Properties::kLiveSstFilesSize, &bytes)) {
      sum += bytes;
    }
  }
  return sum;
}

}  // namespace silverback::storage
