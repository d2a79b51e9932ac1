#include "storage/remote/write_receiver.h"

#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "model/stale.h"
#include "tests/support/memory_storage.h"
#include "tests/support/write_request.h"

namespace silverback::storage::remote {
namespace {

using model::Labels;
using testing::WriteRequest;

constexpr int64_t kNow = 1'700'000'000'000;

struct Receiver {
  WriteReply write(const std::string& body, WriteMessage message = WriteMessage::kV1) {
    std::optional<WriteReply> got;
    int calls = 0;
    receiver.write(message, body, [&](WriteReply reply) {
      got = std::move(reply);
      ++calls;
    });
    REQUIRE(calls == 1);
    return *got;
  }
  WriteReply write(const WriteRequest& request) { return write(request.body()); }
  double invalid() { return invalid_labels.value(); }

  testing::MemoryStorage storage;
  base::ManualClock clock{kNow};
  base::metrics::Registry registry;
  WriteReceiver receiver{storage, clock, registry};
  base::metrics::Counter& invalid_labels =
      registry.counter("prometheus_api_remote_write_invalid_labels_samples_total", "");
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// An Appendable whose Appenders answer as told.
class Scripted final : public Appendable {
 public:
  TargetId open_target() override { return 1; }
  void close_target(TargetId) override {}
  std::unique_ptr<Appender> appender() override { return std::make_unique<Batch>(*this); }

  std::vector<base::Status> resolves;  // answers in order; then all are fine
  std::vector<base::Status> appends;
  base::Status commit;
  int resolved = 0, appended = 0, commits = 0;

 private:
  static base::Status take(std::vector<base::Status>& from) {
    if (from.empty()) return {};
    base::Status status = from.front();
    from.erase(from.begin());
    return status;
  }
  class Batch final : public Appender {
   public:
    explicit Batch(Scripted& s) : s_(s) {}
    base::Result<SeriesRef> resolve(const Labels&) override {
      ++s_.resolved;
      if (base::Status status = take(s_.resolves); !status.is_ok()) return status;
      return SeriesRef{1, 1};
    }
    base::Status append_column(TargetId, model::TimestampMs, std::span<const SeriesRef>,
                               std::span<const double>, std::vector<size_t>*) override {
      return {};
    }
    base::Status append(SeriesRef, model::TimestampMs, model::TimestampMs, double) override {
      return count(take(s_.appends));
    }
    base::Status append(SeriesRef, model::TimestampMs, model::TimestampMs,
                        const model::Histogram&) override {
      return count(take(s_.appends));
    }
    base::Status append_exemplar(SeriesRef, const model::Exemplar&) override { return {}; }
    void commit(Durability wanted, Done done) override {
      CHECK(wanted == Durability::kDurable);
      ++s_.commits;
      CommitCounts counts;
      counts.accepted = static_cast<uint64_t>(staged_);
      done(s_.commit, counts);
    }

   private:
    base::Status count(base::Status status) {
      if (status.is_ok()) ++s_.appended, ++staged_;
      return status;
    }
    Scripted& s_;
    int staged_ = 0;
  };
};

struct ScriptedReceiver {
  WriteReply write(const WriteRequest& request) {
    WriteReply got;
    receiver.write(WriteMessage::kV1, request.body(),
                   [&](WriteReply reply) { got = std::move(reply); });
    return got;
  }
  Scripted storage;
  base::ManualClock clock{kNow};
  base::metrics::Registry registry;
  WriteReceiver receiver{storage, clock, registry};
};

WriteRequest two_series() {
  WriteRequest request;
  request.series({{"__name__", "a"}}).sample(kNow, 1);
  request.series({{"__name__", "b"}}).sample(kNow, 2).sample(kNow + 1, 3);
  return request;
}

}  // namespace

TEST_CASE("WriteReceiver stores floats, histograms and exemplars", "[storage]") {
  Receiver r;
  model::Histogram h;
  h.integer = true;
  h.count = 3;
  h.positive_spans = {{0, 1}};
  h.positive_buckets = {3};
  WriteRequest request;
  // Labels out of order and an empty one, which is none.
  request.series({{"job", "x"}, {"__name__", "up"}, {"empty", ""}}).sample(kNow, 1);
  request.sample(kNow + 1000, -0.0).exemplar({{"trace_id", "1"}}, kNow, 1);
  request.series({{"__name__", "h"}}).histogram(kNow, h);
  const WriteReply reply = r.write(request);
  INFO(reply.error);
  CHECK(reply.http_status == 204);
  CHECK(reply.samples == 2);
  CHECK(reply.histograms == 1);
  CHECK(reply.exemplars == 1);
  const auto up = r.storage.samples(Labels::from({{"__name__", "up"}, {"job", "x"}}));
  REQUIRE(up.size() == 2);
  CHECK(std::signbit(up[1].v));
  const auto stored = r.storage.samples(Labels::from({{"__name__", "h"}}));
  REQUIRE(stored.size() == 1);
  REQUIRE(stored[0].h != nullptr);
  CHECK(stored[0].h->equals(h));
  // The newest again is a repetition, not an error.
  WriteRequest again;
  again.series({{"__name__", "up"}, {"job", "x"}}).sample(kNow + 1000, -0.0);
  CHECK(r.write(again).http_status == 204);
}

TEST_CASE("NaNs keep their bits and stale histograms become stale markers", "[storage]") {
  Receiver r;
  model::Histogram h;
  h.sum = model::stale_nan();
  const double odd_nan = std::bit_cast<double>(uint64_t{0x7ff8000000000099});
  WriteRequest request;
  request.series({{"__name__", "f"}}).sample(kNow, model::stale_nan()).sample(kNow + 1, odd_nan);
  request.series({{"__name__", "h"}}).histogram(kNow, h);
  REQUIRE(r.write(request).http_status == 204);
  const auto f = r.storage.samples(Labels::from({{"__name__", "f"}}));
  REQUIRE(f.size() == 2);
  CHECK(model::is_stale(f[0].v));
  CHECK(std::bit_cast<uint64_t>(f[1].v) == 0x7ff8000000000099);
  const auto stale = r.storage.samples(Labels::from({{"__name__", "h"}}));
  REQUIRE(stale.size() == 1);
  CHECK(stale[0].h == nullptr);
  CHECK(model::is_stale(stale[0].v));
}

TEST_CASE("Invalid labels are refused with 400 while good series are stored", "[storage]") {
  using Pairs = WriteRequest::Pairs;
  struct Row {
    Pairs labels;
    std::string says;
  };
  Pairs many = {{"__name__", "m"}};
  for (int i = 0; i < 256; ++i) many.push_back({"l" + std::to_string(1000 + i), "v"});
  const std::vector<Row> rows = {
      {{{"job", "x"}}, "metric name is missing"},
      {{{"__name__", ""}}, "metric name is missing"},
      {{}, "metric name is missing"},
      {{{"__name__", "m"}, {"", "x"}}, "label name is empty"},
      {{{"__name__", "m"}, {"a", "1"}, {"a", "2"}}, "\"a\" is not unique"},
      {{{"b", "1"}, {"__name__", "m"}, {"b", ""}}, "\"b\" is not unique"},
      {{{"__name__", "m"}, {"a\xff", "1"}}, "is not valid UTF-8"},
      {{{"__name__", "m"}, {"a\xff", ""}}, "is not valid UTF-8"},
      {{{"__name__", "m"}, {"a", "\xc3"}}, "label value of \"a\" is not valid UTF-8"},
      {{{"__name__", "m\xed\xa0\x80"}}, "is not valid UTF-8"},
      {many, "257 labels, the limit is 256"},
      {{{"__name__", "m"}, {std::string(2049, 'n'), "v"}}, "2049 bytes, the limit is 2048"},
      {{{"__name__", "m"}, {"a", std::string(65537, 'v')}}, "65537 bytes, the limit is 65536"},
  };
  for (const Row& row : rows) {
    INFO(row.says);
    Receiver r;
    WriteRequest request;
    request.series({{"__name__", "good"}}).sample(kNow, 1);
    request.series(row.labels).sample(kNow, 1).sample(kNow + 1, 1);
    request.series({{"__name__", "better"}, {"l", "\xc3\xa4"}}).sample(kNow, 1);
    const WriteReply reply = r.write(request);
    CHECK(reply.http_status == 400);
    INFO(reply.error);
    CHECK(contains(reply.error, row.says));
    CHECK(contains(reply.error, "2 of 4 samples refused: 2 with invalid labels"));
    CHECK(reply.error.size() < 2000);
    CHECK(reply.samples == 2);
    CHECK(r.invalid() == 2);
    CHECK(r.storage.series().size() == 2);
  }
  // At the limits all is fine.
  Receiver r;
  many.pop_back();
  WriteRequest request;
  request.series(many).sample(kNow, 1);
  request.series({{"__name__", "m"}, {std::string(2048, 'n'), std::string(65536, 'v')}});
  request.sample(kNow, 1);
  CHECK(r.write(request).http_status == 204);
}

TEST_CASE("Out-of-order samples give 400, the others are stored", "[storage]") {
  Receiver r;
  REQUIRE(r.write(two_series()).http_status == 204);
  WriteRequest request;
  request.series({{"__name__", "a"}}).sample(kNow - 1, 1).sample(kNow, 9).sample(kNow + 5, 1);
  request.series({{"__name__", "c"}}).sample(kNow, 1);
  const WriteReply reply = r.write(request);
  CHECK(reply.http_status == 400);
  INFO(reply.error);
  CHECK(contains(reply.error, "(2 of 4 samples refused: 1 out of order, 1 duplicate"));
  CHECK(reply.samples == 2);
  CHECK(r.storage.samples(Labels::from({{"__name__", "a"}})).size() == 2);
  CHECK(r.invalid() == 0);
}

TEST_CASE("Samples more than ten minutes ahead are refused", "[storage]") {
  Receiver r;
  WriteRequest request;
  request.series({{"__name__", "a"}}).sample(kNow + 600'000, 1).sample(kNow + 600'001, 1);
  request.sample(std::numeric_limits<int64_t>::max(), 1);
  model::Histogram h;
  request.series({{"__name__", "h"}}).histogram(kNow + 700'000, h);
  const WriteReply reply = r.write(request);
  CHECK(reply.http_status == 400);
  CHECK(contains(reply.error, "out of bounds"));
  CHECK(contains(reply.error, "3 of 4 samples refused: 3 out of bounds"));
  CHECK(r.storage.samples(Labels::from({{"__name__", "a"}})).size() == 1);
}

TEST_CASE("Invalid histograms are refused alone", "[storage]") {
  Receiver r;
  model::Histogram bad;
  bad.schema = 60;
  WriteRequest request;
  request.series({{"__name__", "h"}}).histogram(kNow, bad).histogram(kNow + 1, {});
  const WriteReply reply = r.write(request);
  CHECK(reply.http_status == 400);
  CHECK(contains(reply.error, "1 of 2 samples refused: 1 invalid histograms"));
  CHECK(contains(reply.error, "\"__name__\"=\"h\""));
  CHECK(reply.histograms == 1);
}

TEST_CASE("A broken body changes nothing", "[storage]") {
  Receiver r;
  std::string message = two_series().protobuf();
  message += "\x0a\x7f";
  for (const std::string& body : {testing::snappy_block(message), message, std::string()}) {
    const WriteReply reply = r.write(body);
    CHECK(reply.http_status == 400);
    CHECK_FALSE(reply.error.empty());
  }
  WriteRequest torn;
  torn.series({{"__name__", "a"}}).sample(kNow, 1);
  testing::ProtoWriter series;
  series.bytes(1, testing::ProtoWriter().bytes(1, "__name__").bytes(2, "h").out());
  series.bytes(4, "\x0a\x05");  // a torn histogram
  CHECK(r.write(testing::snappy_block(torn.protobuf() +
                                      testing::ProtoWriter().bytes(1, series.out()).out()))
            .http_status == 400);
  CHECK(r.storage.samples(Labels::from({{"__name__", "a"}})).empty());
}

TEST_CASE("A request without samples is fine", "[storage]") {
  Receiver r;
  WriteRequest request;
  request.series({{"no_name", "x"}});
  CHECK(r.write(request).http_status == 204);
  CHECK(r.write(testing::snappy_block("")).http_status == 204);
  CHECK(r.storage.series().empty());
}

TEST_CASE("Errors of the storage become the status the sender needs", "[storage]") {
  using base::Errc;
  struct Row {
    Errc code;
    int http_status;
  };
  for (const Row& row :
       std::vector<Row>{{Errc::kUnavailable, 503}, {Errc::kIo, 503}, {Errc::kInternal, 500}}) {
    ScriptedReceiver at_commit, at_resolve, at_append;
    const base::Status failure(row.code, "why");
    at_commit.storage.commit = failure;
    at_resolve.storage.resolves = {{}, failure};
    at_append.storage.appends = {failure};
    for (ScriptedReceiver* r : {&at_commit, &at_resolve, &at_append}) {
      const WriteReply reply = r->write(two_series());
      CHECK(reply.http_status == row.http_status);
      CHECK(reply.error == "why");
      CHECK(r->storage.commits == (r == &at_commit ? 1 : 0));
    }
  }
}

TEST_CASE("A full head refuses new series with 429 and keeps the others", "[storage]") {
  ScriptedReceiver r;
  r.storage.resolves = {{}, base::Status(base::Errc::kLimit, "--storage.limit reached")};
  const WriteReply reply = r.write(two_series());
  CHECK(reply.http_status == 429);
  CHECK(reply.error == "--storage.limit reached (2 of 3 samples refused: 2 over the series limit)");
  CHECK(r.storage.commits == 1);
  CHECK(reply.samples == 1);
}

TEST_CASE("A dead ref is resolved again", "[storage]") {
  ScriptedReceiver r;
  r.storage.appends = {base::Status(base::Errc::kStaleRef, "gone")};
  CHECK(r.write(two_series()).http_status == 204);
  CHECK(r.storage.resolved == 3);
  CHECK(r.storage.appended == 3);
}

}  // namespace silverback::storage::remote
