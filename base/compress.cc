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

/// A zlib stream with the feeding that both directions share.
struct Stream : z_stream {
  explicit Stream(int (*end_call)(z_stream*)) : z_stream{}, end(end_call) {}
  ~Stream() { end(this); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// One call of `code`, with input from the front of `in` and output appended to `out`.
  template <typename Code>
  int step(std::string_view& in, std::string& out, Code code) {
    if (avail_in == 0 && !in.empty()) {
      const size_t n = std::min(in.size(), kMaxAvail);
      // zlib's interface wants a pointer to mutable input that it does not write to.
      next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));
      avail_in = static_cast<uInt>(n);
      in.remove_prefix(n);
    }
    std::array<char, kPiece> piece;
    next_out = reinterpret_cast<Bytef*>(piece.data());
    avail_out = static_cast<uInt>(piece.size());
    const int result = code(this);
    out.append(piece.data(), piece.size() - avail_out);
    return result;
  }

  int (*const end)(z_stream*);
};

Status corrupt(const char* why) {
  return {Errc::kCorruption, std::string("gzip: ") + why};
}

std::string compress_all(std::string_view in, Compression format, int level) {
  std::string out;
  Compressor compressor(format, level);
  compressor.write(in, out);
  compressor.finish(out);
  return out;
}

}  // namespace

struct Compressor::Impl {
  Impl() : stream(deflateEnd) {}

  /// Until zlib has room to spare, that is, has given all that it would.
  void run(std::string_view in, std::string& out, int mode) {
    int result = Z_OK;
    do {
      result = stream.step(
          in, out, [&in, mode](z_stream* s) { return deflate(s, in.empty() ? mode : Z_NO_FLUSH); });
    } while (result != Z_STREAM_END &&
             (stream.avail_in > 0 || !in.empty() || stream.avail_out == 0));
  }

  Stream stream;
};

Compressor::Compressor(Compression format, int level) : impl_(std::make_unique<Impl>()) {
  // Fails only without memory or on a wrong level, both bugs of the caller.
  const int window = format == Compression::kGzip ? kGzipWindow : MAX_WBITS;
  deflateInit2(&impl_->stream, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
}

Compressor::~Compressor() = default;

void Compressor::write(std::string_view in, std::string& out) {
  if (!in.empty()) impl_->run(in, out, Z_NO_FLUSH);
}

void Compressor::flush(std::string& out) {
  impl_->run({}, out, Z_SYNC_FLUSH);
}

void Compressor::finish(std::string& out) {
  impl_->run({}, out, Z_FINISH);
}

Result<std::string> gunzip(std::string_view in, size_t max_bytes) {
  Stream stream(inflateEnd);
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return Status(Errc::kInternal, "gzip: no memory");
  const size_t limit = max_bytes == 0 ? std::numeric_limits<size_t>::max() : max_bytes;
  std::string out;
  for (;;) {
    const int result = stream.step(in, out, [](z_stream* s) { return inflate(s, Z_NO_FLUSH); });
    if (out.size() > limit) {
      return Status(Errc::kLimit,
                    "gzip: more than " + std::to_string(limit) + " bytes when inflated");
    }
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
  return compress_all(in, Compression::kGzip, level);
}

std::string zlib_deflate(std::string_view in, int level) {
  return compress_all(in, Compression::kZlib, level);
}

}  // namespace silverback::base
