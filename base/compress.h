#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace silverback::base {

enum class Compression : uint8_t { kGzip, kZlib };  // RFC 1952, RFC 1950

/// Compresses a text that comes in pieces. Threads: externally locked.
class Compressor {
 public:
  explicit Compressor(Compression format, int level = 6);
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  /// Appends to `out` what is ready; some of `in` may be held back for later.
  void write(std::string_view in, std::string& out);
  /// Appends what was held back: the reader then has everything so far.
  void flush(std::string& out);
  /// Appends the rest and the trailer. Nothing may be called after it.
  void finish(std::string& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// gzip (RFC 1952), also several members. kLimit when the inflated text would pass `max_bytes`
/// (0 = no limit), kCorruption on bad input.
Result<std::string> gunzip(std::string_view in, size_t max_bytes);
std::string gzip(std::string_view in, int level = 6);
std::string zlib_deflate(std::string_view in, int level = 6);

}  // namespace silverback::base
