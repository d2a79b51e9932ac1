#include "base/file.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <catch2/catch.hpp>
#include <sys/stat.h>

namespace silverback::base {
namespace {

// A folder that goes with the test.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "silverback-file-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string at(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

mode_t mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

void write(const std::string& path, std::string_view text) {
  auto file = FileSystem::real().create(path);
  REQUIRE(file.is_ok());
  REQUIRE((*file)->append(text).is_ok());
  REQUIRE((*file)->close().is_ok());
}

}  // namespace

TEST_CASE("Files append, truncate and count their size", "[base]") {
  const TempDir dir;
  FileSystem& fs = FileSystem::real();
  const std::string path = dir.at("f");
  write(path, "hello");
  CHECK(mode_of(path) == 0640);
  auto file = fs.open_append(path);
  REQUIRE(file.is_ok());
  CHECK((*file)->size() == 5);
  CHECK((*file)->append(" world").is_ok());
  CHECK((*file)->size() == 11);
  CHECK((*file)->truncate(7).is_ok());
  CHECK((*file)->append("!").is_ok());
  CHECK((*file)->sync().is_ok());
  CHECK((*file)->close().is_ok());
  CHECK(fs.read_file(path).value() == "hello w!");
  CHECK(fs.file_size(path).value() == 8);
  write(path, "x");
  CHECK(fs.read_file(path).value() == "x");
}

TEST_CASE("File modes do not depend on the umask", "[base]") {
  const TempDir dir;
  const mode_t before = umask(0177);
  const Status made = FileSystem::real().make_dirs(dir.at("a/b/c"));
  if (made.is_ok()) write(dir.at("a/b/c/f"), "x");
  umask(before);
  REQUIRE(made.is_ok());
  CHECK(mode_of(dir.at("a/b/c")) == 0750);
  CHECK(mode_of(dir.at("a/b/c/f")) == 0640);
  CHECK(FileSystem::real().make_dirs(dir.at("a/b/c")).is_ok());
  CHECK(FileSystem::real().make_dirs(dir.at("a/b/c/f")).code() == Errc::kIo);
}

TEST_CASE("Missing files are told as such", "[base]") {
  const TempDir dir;
  FileSystem& fs = FileSystem::real();
  const std::string path = dir.at("nope");
  CHECK(fs.read_file(path).status().code() == Errc::kNotFound);
  CHECK(fs.read_file(path).status().message() == "open " + path + ": No such file or directory");
  CHECK(fs.file_size(path).status().code() == Errc::kNotFound);
  CHECK(fs.list(path).status().code() == Errc::kNotFound);
  CHECK(fs.remove(path).code() == Errc::kNotFound);
  CHECK(fs.rename(path, path + "2").code() == Errc::kNotFound);
  CHECK_FALSE(fs.exists(path));
  CHECK(fs.create(dir.at("no/f")).status().code() == Errc::kNotFound);
}

TEST_CASE("write_file_atomically replaces as a whole and leaves nothing behind", "[base]") {
  const TempDir dir;
  FileSystem& fs = FileSystem::real();
  const std::string path = dir.at("f");
  CHECK(write_file_atomically(fs, path, "one").is_ok());
  CHECK(write_file_atomically(fs, path, "two").is_ok());
  CHECK(fs.read_file(path).value() == "two");
  CHECK(fs.list(dir.at("")).value() == std::vector<std::string>{"f"});
  REQUIRE(fs.make_dirs(dir.at("d/x")).is_ok());
  CHECK_FALSE(write_file_atomically(fs, dir.at("d"), "three").is_ok());
  CHECK(fs.list(dir.at("")).value() == std::vector<std::string>{"d", "f"});
  CHECK(fs.remove(dir.at("d/x")).is_ok());
}

TEST_CASE("expand_glob matches element by element", "[base]") {
  const TempDir dir;
  REQUIRE(FileSystem::real().make_dirs(dir.at("r1")).is_ok());
  REQUIRE(FileSystem::real().make_dirs(dir.at("r2")).is_ok());
  for (const char* name : {"r1/a.yml", "r1/b.yml", "r1/c.json", "r2/a.yml", "r2/.h.yml"})
    write(dir.at(name), "");
  using Names = std::vector<std::string>;
  CHECK(expand_glob(dir.at("r1/*.yml")) == Names{dir.at("r1/a.yml"), dir.at("r1/b.yml")});
  CHECK(expand_glob(dir.at("r*/a.yml")) == Names{dir.at("r1/a.yml"), dir.at("r2/a.yml")});
  CHECK(expand_glob(dir.at("r2/*")) == Names{dir.at("r2/.h.yml"), dir.at("r2/a.yml")});
  CHECK(expand_glob(dir.at("r1/[ab].yml")).size() == 2);
  CHECK(expand_glob(dir.at("r1/?.json")).size() == 1);
  CHECK(expand_glob(dir.at("r1/*.nope")).empty());
  CHECK(expand_glob(dir.at("nope/*")).empty());
  CHECK(expand_glob(dir.at("nope.yml")) == Names{dir.at("nope.yml")});
}

TEST_CASE("Paths join and split", "[base]") {
  CHECK(join_path("/a", "b") == "/a/b");
  CHECK(join_path("/a/", "b") == "/a/b");
  CHECK(join_path("/a", "/b") == "/b");
  CHECK(join_path("/a", "").empty());
  CHECK(join_path("", "b") == "b");
  CHECK(dir_name("/a/b") == "/a");
  CHECK(dir_name("/a") == "/");
  CHECK(dir_name("a") == ".");
}

}  // namespace silverback::base
