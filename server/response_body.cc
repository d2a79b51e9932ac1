#include "server/response_body.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/compress.h"

namespace silverback::server {

namespace {

constexpr size_t kCompressBytes = 1024;  // smaller answers gain nothing
constexpr int kCompressLevel = 3;

/// What another source makes, compressed.
class CompressedSource final : public BodySource {
 public:
  CompressedSource(std::unique_ptr<BodySource> inner, base::Compression format)
      : inner_(std::move(inner)), compressor_(format, kCompressLevel) {}

  /// The text that goes before the first piece.
  void begin(std::string_view text, std::string& out) { compressor_.write(text, out); }

  Step next(std::string& chunk) override {
    plain_.clear();
    const Step step = inner_->next(plain_);
    compressor_.write(plain_, chunk);
    if (step == Step::kEnd) compressor_.finish(chunk);
    if (step == Step::kWait) compressor_.flush(chunk);
    return step;
  }
  void on_ready(base::UniqueFunction<void()> wake) override { inner_->on_ready(std::move(wake)); }

 private:
  const std::unique_ptr<BodySource> inner_;
  base::Compressor compressor_;
  std::string plain_;
};

/// Counts what another source makes.
class CountedSource final : public BodySource {
 public:
  CountedSource(std::unique_ptr<BodySource> inner, size_t bytes, std::function<void(size_t)> done)
      : inner_(std::move(inner)), done_(std::move(done)), bytes_(bytes) {}
  CountedSource(const CountedSource&) = delete;
  CountedSource& operator=(const CountedSource&) = delete;
  ~CountedSource() override { done_(bytes_); }

  Step next(std::string& chunk) override {
    const Step step = inner_->next(chunk);
    bytes_ += chunk.size();
    return step;
  }
  void on_ready(base::UniqueFunction<void()> wake) override { inner_->on_ready(std::move(wake)); }

 private:
  const std::unique_ptr<BodySource> inner_;
  const std::function<void(size_t)> done_;
  size_t bytes_;
};

}  // namespace

std::string_view pick_encoding(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const size_t comma = std::min(accept_encoding.find(','), accept_encoding.size());
    std::string_view item = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    item = item.substr(0, item.find(';'));
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (base::iequals(item, "gzip")) return "gzip";
    if (base::iequals(item, "deflate")) return "deflate";
  }
  return {};
}

void compress_body(HttpResponse& response, std::string_view encoding) {
  const bool worth_it = response.source != nullptr || response.body.size() >= kCompressBytes;
  if (encoding.empty() || !worth_it || response.headers.has("Content-Encoding")) return;
  const auto format = encoding == "gzip" ? base::Compression::kGzip : base::Compression::kZlib;
  response.headers.set("Content-Encoding", std::string(encoding));
  if (response.source == nullptr) {
    std::string compressed;
    base::Compressor compressor(format, kCompressLevel);
    compressor.write(response.body, compressed);
    compressor.finish(compressed);
    response.body = std::move(compressed);
    return;
  }
  auto source = std::make_unique<CompressedSource>(std::move(response.source), format);
  std::string first;
  source->begin(response.body, first);
  response.body = std::move(first);
  response.source = std::move(source);
}

void when_sent(HttpResponse& response, std::function<void(size_t bytes)> done) {
  if (response.source == nullptr) {
    done(response.body.size());
    return;
  }
  response.source = std::make_unique<CountedSource>(std::move(response.source),
                                                    response.body.size(), std::move(done));
}

}  // namespace silverback::server
