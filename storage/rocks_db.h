#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace silverback::storage {

/// The column families. Chunks and index are filled by ingested files alone: no RocksDB WAL, no
/// compaction. Meta is written key by key through RocksDB's own WAL, each write synced.
enum class Family : uint8_t { kChunks = 0, kIndex = 1, kMeta = 2 };
inline constexpr size_t kFamilies = 3;
std::string_view family_name(Family family);

/// Writes one file of ascending keys. Threads: externally locked.
class TableWriter {
 public:
  virtual ~TableWriter() = default;
  virtual base::Status put(std::string_view key, std::string_view value) = 0;
  /// Bytes in the file so far, of finished blocks.
  virtual uint64_t file_bytes() const = 0;
  /// Completes and syncs the file. A writer dropped before leaves a torn one.
  virtual base::Status finish() = 0;
};

/// A table file and the keys it spans (both inclusive).
struct TableFile {
  Family family = Family::kChunks;
  std::string path;
  std::string smallest, largest;
  uint64_t bytes = 0;
};

/// RocksDB without its headers: mechanism only, keys and their meaning are the caller's.
/// Threads: any thread may read; one writes at a time.
class RocksDb {
 public:
  struct Options {
    std::string path;
    uint64_t cache_bytes = 64 << 20;
    /// False: open although table files are missing or damaged; reads of them then fail.
    bool paranoid = true;
  };
  static base::Result<std::unique_ptr<RocksDb>> open(const Options& options);
  ~RocksDb();

  /// kNotFound when the key is not there.
  base::Result<std::string> get(Family family, std::string_view key) const;
  /// get() without a copy: `fn` sees the value where the cache holds it, and its answer is ours.
  using View = std::function<base::Status(std::string_view value)>;
  base::Status visit(Family family, std::string_view key, const View& fn) const;
  /// Keys of [lower, upper) in order; `fn` gives false to stop.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;
  base::Status scan(Family family, std::string_view lower, std::string_view upper,
                    const Visit& fn) const;

  /// One change of the meta family.
  struct Change {
    std::string key;
    std::string value;
    bool remove = false;
  };
  /// All of them or none, synced.
  base::Status write_meta(const std::vector<Change>& changes);

  /// A file that ingest() can take. `path` must be on the database's filesystem.
  base::Result<std::unique_ptr<TableWriter>> table_writer(Family family,
                                                          const std::string& path) const;
  /// Moves finished files in, all of them or none. Their keys must be new to the database.
  base::Status ingest(const std::vector<std::string>& chunks,
                      const std::vector<std::string>& index);
  /// Deletes the files of chunks and index that lie inside [lower, upper).
  base::Status delete_files(std::string_view lower, std::string_view upper);

  /// Live files of chunks and index.
  std::vector<TableFile> table_files() const;
  /// Opens every table file that holds keys of [lower, upper) and reads the block there.
  base::Status check_range(Family family, std::string_view lower, std::string_view upper) const;
  /// Looks into a table file that belongs to no open database.
  static base::Result<TableFile> inspect_table(const std::string& path);

  uint64_t disk_bytes() const;

 private:
  struct Impl;
  explicit RocksDb(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::storage
