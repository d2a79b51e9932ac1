#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "model/stale.h"
#include "storage/remote/write_receiver.h"
#include "tests/support/memory_storage.h"
#include "tests/support/recording_appendable.h"
#include "tests/support/write_request_v2.h"

namespace silverback::storage::remote {
namespace {

using model::Labels;
using testing::WriteRequestV2;

constexpr int64_t kNow = 1'700'000'000'000;

template <typename Storage>
struct Receiver {
  WriteReply write(const std::string& body) {
    std::optional<WriteReply> got;
    receiver.write(WriteMessage::kV2, body, [&](WriteReply reply) {
      REQUIRE_FALSE(got);
      got = std::move(reply);
    });
    REQUIRE(got);
    return *got;
  }
  WriteReply write(const WriteRequestV2& request) { return write(request.body()); }
  double counter(const char* name) { return registry.counter(name, "").value(); }
  double invalid() { return counter("prometheus_api_remote_write_invalid_labels_samples_total"); }
  double without_metadata() {
    return counter("prometheus_api_remote_write_without_metadata_appended_samples_total");
  }

  Storage storage;
  base::ManualClock clock{kNow};
  base::metrics::Registry registry;
  WriteReceiver receiver{storage, clock, registry};
};
using MemoryReceiver = Receiver<testing::MemoryStorage>;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("A 2.0 request is stored with its start timestamps", "[storage]") {
  MemoryReceiver r;
  model::Histogram h;
  h.integer = true;
  h.count = 3;
  h.positive_spans = {{0, 1}};
  h.positive_buckets = {3};
  WriteRequestV2 request;
  request.series({{"__name__", "up"}, {"job", "x"}}).sample(kNow, 1, kNow - 500);
  request.sample(kNow + 1, 2).exemplar({{"trace_id", "1"}}, kNow, 1).metadata(2, "Up.", "");
  request.series({{"__name__", "h"}}).histogram(kNow, h, kNow - 700);
  model::Histogram stale;
  stale.sum = model::stale_nan();
  request.histogram(kNow + 1, stale);
  const WriteReply reply = r.write(request);
  INFO(reply.error);
  CHECK(reply.http_status == 204);
  CHECK(reply.samples == 3);  // a stale histogram becomes a stale marker
  CHECK(reply.histograms == 1);
  CHECK(reply.exemplars == 1);
  const auto up = r.storage.samples(Labels::from({{"__name__", "up"}, {"job", "x"}}));
  REQUIRE(up.size() == 2);
  CHECK(up[0].start == kNow - 500);
  CHECK(up[1].start == 0);
  const auto stored = r.storage.samples(Labels::from({{"__name__", "h"}}));
  REQUIRE(stored.size() == 2);
  REQUIRE(stored[0].h != nullptr);
  CHECK(stored[0].h->equals(h));
  CHECK(stored[0].start == kNow - 700);
  CHECK(model::is_stale(stored[1].v));
  CHECK(r.without_metadata() == 2);
  CHECK(r.invalid() == 0);
}

TEST_CASE("A 2.0 request is written in part and told of the rest", "[storage]") {
  MemoryReceiver r;
  WriteRequestV2 first;
  first.series({{"__name__", "a"}}).sample(kNow, 1);
  REQUIRE(r.write(first).http_status == 204);

  WriteRequestV2 request;
  request.series_of_refs({1, 2, 3}).sample(kNow, 1).sample(kNow + 1, 1);
  request.series_of_refs({1, 99}).sample(kNow, 1);
  request.series({{"job", "no name"}}).histogram(kNow, {});
  request.series({{"__name__", "a"}, {"b", "1"}, {"b", "2"}}).sample(kNow, 1);
  request.series({{"__name__", "a\xff"}}).sample(kNow, 1);
  request.series({{"__name__", "a"}}).sample(kNow - 1, 1).sample(kNow, 2).sample(kNow + 2, 1);
  request.sample(kNow + 600'001, 1).sample(std::numeric_limits<int64_t>::max(), 1);
  request.series({{"__name__", "good"}}).sample(kNow, 1);
  const WriteReply reply = r.write(request);
  CHECK(reply.http_status == 400);
  INFO(reply.error);
  CHECK(contains(reply.error, "odd number of label references: 3"));
  CHECK(contains(reply.error,
                 "(10 of 12 samples refused: 6 with invalid labels, 1 out of order, 1 duplicate "
                 "for timestamp, 2 out of bounds)"));
  CHECK(reply.samples == 2);
  CHECK(reply.histograms == 0);
  CHECK(r.invalid() == 6);
  CHECK(r.storage.series_count() == 2);
}

TEST_CASE("Exemplars of 2.0 may come alone, and bad ones are told", "[storage]") {
  MemoryReceiver r;
  WriteRequestV2 alone;
  alone.series({{"__name__", "a"}}).exemplar({{"trace_id", "x"}}, kNow, 1);
  const WriteReply kept = r.write(alone);
  CHECK(kept.http_status == 204);
  CHECK(kept.exemplars == 1);

  WriteRequestV2 bad;
  bad.series({{"__name__", "a"}}).sample(kNow, 1);
  bad.exemplar({{"x", "\xff"}}, kNow, 1).exemplar({}, kNow + 700'000, 1).exemplar({}, kNow, 2);
  const WriteReply told = r.write(bad);
  CHECK(told.http_status == 400);
  CHECK(told.error ==
        "exemplar with invalid labels, series {\"__name__\"=\"a\"} (2 exemplars refused)");
  CHECK(told.samples == 1);
  CHECK(told.exemplars == 1);
  // Storage that cannot keep them.
  Receiver<testing::RecordingAppendable> none;
  none.storage.refuse_exemplars();
  const WriteReply refused = none.write(alone);
  CHECK(refused.http_status == 400);
  CHECK(contains(refused.error, "no exemplars here"));
}

TEST_CASE("What a 2.0 sender repeats counts as written", "[storage]") {
  MemoryReceiver r;
  WriteRequestV2 request;
  request.series({{"__name__", "a"}}).sample(kNow, 1);
  request.series({{"__name__", "h"}}).histogram(kNow, {});
  for (int i = 0; i < 2; ++i) {
    const WriteReply reply = r.write(request);
    CHECK(reply.http_status == 204);
    CHECK(reply.samples == 1);
    CHECK(reply.histograms == 1);
  }
}

TEST_CASE("A 2.0 series that brings nothing is refused", "[storage]") {
  MemoryReceiver r;
  WriteRequestV2 request;
  request.series({{"__name__", "empty"}}).metadata(1, "help", "");
  request.series({{"__name__", "good"}}).sample(kNow, 1);
  const WriteReply reply = r.write(request);
  CHECK(reply.http_status == 400);
  CHECK(reply.error ==
        "TimeSeries must contain at least one sample or histogram for series "
        "{\"__name__\"=\"empty\"}");
  CHECK(reply.samples == 1);
  CHECK(r.storage.series_count() == 1);
  CHECK(r.write(WriteRequestV2()).http_status == 204);
}

TEST_CASE("A failing storage keeps nothing of a 2.0 request", "[storage]") {
  MemoryReceiver r;
  r.storage.fail_commits({base::Errc::kUnavailable, "disk"});
  WriteRequestV2 request;
  request.series({{"__name__", "a"}}).sample(kNow, 1);
  const WriteReply reply = r.write(request);
  CHECK(reply.http_status == 503);
  CHECK(reply.samples == 0);
  CHECK(r.without_metadata() == 0);
}

TEST_CASE("A message of the other version is not mistaken for data", "[storage]") {
  MemoryReceiver r;
  testing::WriteRequest old;
  old.series({{"__name__", "a"}}).sample(kNow, 1);
  CHECK(r.write(old.body()).http_status == 204);
  CHECK(r.storage.series_count() == 0);
}

TEST_CASE("Histograms of more buckets than make sense are refused alone", "[storage]") {
  MemoryReceiver r;
  model::Histogram h;
  h.positive_spans = {{0, (1 << 16) + 1}};
  h.positive_buckets.assign((1 << 16) + 1, 0);
  WriteRequestV2 request;
  request.series({{"__name__", "h"}}).histogram(kNow, h).histogram(kNow + 1, {});
  const WriteReply reply = r.write(request);
  CHECK(reply.http_status == 400);
  CHECK(contains(reply.error, "histogram has more than 65536 buckets"));
  CHECK(reply.histograms == 1);
}

}  // namespace silverback::storage::remote
