// Feeds every file of a corpus folder to a fuzz target, without a fuzzer. An absent or empty folder
// still runs the target on nothing and on a few short inputs.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void feed(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  feed("");
  for (int c = 0; c < 256; ++c) feed(std::string(3, static_cast<char>(c)));
  size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i], ignored)) {
      std::ifstream in(entry.path(), std::ios::binary);
      feed(std::string(std::istreambuf_iterator<char>(in), {}));
      ++files;
    }
  }
  std::printf("%zu corpus files\n", files);
  return 0;
}
