#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/promql/script_runner.h"

namespace {

using namespace std::string_literals;
namespace testing = silverback::testing;

/// Runs one file; the number of failures.
size_t run_file(const std::string& path, const std::string& storage_kind, const std::string& mode) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) {
    std::printf("%s: cannot be read\n", path.c_str());
    return 1;
  }
  auto script = testing::parse_script(text.str());
  if (!script.is_ok()) {
    std::printf("%s: %s\n", path.c_str(), script.status().message().c_str());
    return 1;
  }
  if (const auto status = testing::set_mode(mode, script->mode); !status.is_ok()) {
    std::printf("--mode: %s\n", status.message().c_str());
    return 1;
  }
  auto storage = testing::make_script_storage(storage_kind);
  if (!storage.is_ok()) {
    std::printf("--storage: %s\n", storage.status().message().c_str());
    return 1;
  }
  const testing::ScriptReport report = testing::run_script(*script, **storage);
  for (const std::string& failure : report.failures) {
    std::printf("%s: %s\n", path.c_str(), failure.c_str());
  }
  std::printf("%s on %s: %zu evaluations, %zu failures\n", path.c_str(), storage_kind.c_str(),
              report.evals, report.failures.size());
  // A script without a question proves nothing.
  return report.evals == 0 ? 1 : report.failures.size();
}

}  // namespace

/// promql_script_test [--storage=memory|head|disk] [--mode=...] file.test...
int main(int argc, char** argv) {
  std::string storage = "memory", mode;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg.rfind("--storage=", 0) == 0) {
      storage = arg.substr("--storage="s.size());
    } else if (arg.rfind("--mode=", 0) == 0) {
      mode = arg.substr("--mode="s.size());
    } else {
      files.push_back(arg);
    }
  }
  size_t failures = files.empty() ? 1 : 0;
  for (const std::string& file : files) failures += run_file(file, storage, mode);
  return failures == 0 ? 0 : 1;
}
