#include "base/compress.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

namespace silverback::base {
namespace {

constexpr int kGzipWindow = MAX_WBITS + 16;
constexpr size_t kPiece = 64 << 10;
constexpr size_t kMaxAvail = 1 << 30;  // zlib counts what it sees in unsigned int

// zlib's interface wants a pointer to mutable input that it does not write to.
Bytef* input_of(std::string_view in) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
}

struct InflateStream : z_stream {
  InflateStream() : z_stream{} {}
  ~InflateStream() { inflateEnd(this); }
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;
};

Status corrupt(const char* why) {
  return {Errc::kCorruption, std::string("gzip: ") + why};
}

std::string deflate_all(std::string_view in, int level, int window) {
  z_stream stream{};
  std::string out;
  // Fails only without memory or on a wrong level, both bugs of the caller.
  if (deflateInit2(&stream, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) return out;
  std::array<char, kPiece> piece;
  int result = Z_OK;
  do {
    if (stream.avail_in == 0) {
      const size_t n = std::min(in.size(), kMaxAvail);
      stream.next_in = input_of(in);
      stream.avail_in = static_cast<uInt>(n);
      in.remove_prefix(n);
    }
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    result = deflate(&stream, in.empty() ? Z_FINISH : Z_NO_FLUSH);
    out.append(piece.data(), piece.size() - stream.avail_out);
  } while (result != Z_STREAM_END);
  deflateEnd(&stream);
  return out;
}

}  // namespace

Result<std::string> gunzip(std::string_view in, size_t max_bytes) {
  InflateStream stream;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return Status(Errc::kInternal, "gzip: no memory");
  const size_t limit = max_bytes == 0 ? std::numeric_limits<size_t>::max() : max_bytes;
  std::string out;
  std::array<char, kPiece> piece;
  for (;;) {
    if (stream.avail_in == 0 && !in.empty()) {
      const size_t n = std::min(in.size(), kMaxAvail);
      stream.next_in = input_of(in);
      stream.avail_in = static_cast<uInt>(n);
      in.remove_prefix(n);
    }
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    const int result = inflate(&stream, Z_NO_FLUSH);
    const size_t got = piece.size() - stream.avail_out;
    if (got > limit - out.size()) {
      return Status(Errc::kLimit,
                    "gzip: more than " + std::to_string(limit) + " bytes when inflated");
    }
    out.append(piece.data(), got);
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0 && in.empty()) return out;
      if (inflateReset(&stream) != Z_OK)
        return corrupt("invalid header");  // another member follows
    } else if (result == Z_BUF_ERROR) {
      return corrupt("unexpected end of data");
    } else if (result != Z_OK) {
      return corrupt(stream.msg != nullptr ? stream.msg : "invalid data");
    }
  }
}

std::string gzip(std::string_view in, int level) {
  return deflate_all(in, level, kGzipWindow);
}

std::string zlib_deflate(std::string_view in, int level) {
  return deflate_all(in, level, MAX_WBITS);
}

}  // namespace silverback::base
