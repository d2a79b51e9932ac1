#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"

namespace silverback::tsdb::testing {

/// The real files, but writing calls number `fail_from` up to `fail_until` fail; a failing append
/// leaves half of its bytes behind.
class FaultyFiles final : public base::FileSystem {
 public:
  std::atomic<int64_t> calls{0};
  std::atomic<int64_t> fail_from{INT64_MAX};
  std::atomic<int64_t> fail_until{INT64_MAX};

  base::Result<std::unique_ptr<base::WritableFile>> create(const std::string& path) override {
    if (fails()) return error("create");
    return wrap(real_.create(path));
  }
  base::Result<std::unique_ptr<base::WritableFile>> open_append(const std::string& path) override {
    if (fails()) return error("open");
    return wrap(real_.open_append(path));
  }
  base::Result<std::string> read_file(const std::string& path) override {
    return real_.read_file(path);
  }
  base::Status make_dirs(const std::string& path) override { return real_.make_dirs(path); }
  base::Status rename(const std::string& from, const std::string& to) override {
    return fails() ? error("rename") : real_.rename(from, to);
  }
  base::Status remove(const std::string& path) override {
    return fails() ? error("remove") : real_.remove(path);
  }
  base::Status sync_dir(const std::string& path) override {
    return fails() ? error("sync_dir") : real_.sync_dir(path);
  }
  base::Result<std::vector<std::string>> list(const std::string& dir) override {
    return real_.list(dir);
  }
  bool exists(const std::string& path) override { return real_.exists(path); }
  base::Result<uint64_t> file_size(const std::string& path) override {
    return real_.file_size(path);
  }

 private:
  class File final : public base::WritableFile {
   public:
    File(FaultyFiles& owner, std::unique_ptr<base::WritableFile> file)
        : owner_(owner), file_(std::move(file)) {}
    base::Status append(std::string_view bytes) override {
      if (!owner_.fails()) return file_->append(bytes);
      file_->append(bytes.substr(0, bytes.size() / 2)).permit_unchecked("fails anyway");
      return error("append");
    }
    base::Status sync() override { return owner_.fails() ? error("sync") : file_->sync(); }
    base::Status truncate(uint64_t size) override {
      return owner_.fails() ? error("truncate") : file_->truncate(size);
    }
    base::Status close() override { return file_->close(); }
    uint64_t size() const override { return file_->size(); }

   private:
    FaultyFiles& owner_;
    std::unique_ptr<base::WritableFile> file_;
  };

  static base::Status error(const char* what) {
    return base::Status(base::Errc::kIo, std::string(what) + ": no space left on device");
  }
  bool fails() {
    const int64_t n = calls.fetch_add(1);
    return n >= fail_from && n < fail_until;
  }
  base::Result<std::unique_ptr<base::WritableFile>> wrap(
      base::Result<std::unique_ptr<base::WritableFile>> opened) {
    if (!opened.is_ok()) return opened.status();
    return std::unique_ptr<base::WritableFile>(
        std::make_unique<File>(*this, std::move(opened).value()));
  }

  base::FileSystem& real_ = base::FileSystem::real();
};

}  // namespace silverback::tsdb::testing
