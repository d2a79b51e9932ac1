#include "storage/remote/write_receiver.h"

#include <algorithm>
#include <memory>
#include <type_traits>
#include <utility>

#include "model/stale.h"
#include "storage/remote/label_rules.h"
#include "storage/remote/write_codec.h"
#include "storage/remote/write_v2_codec.h"

namespace silverback::storage::remote {
namespace {

using base::Errc;
using base::Status;
using model::TimestampMs;

constexpr int64_t kMaxAheadMs = 10 * 60 * 1000;

// What was refused before the commit judged the rest.
struct Refusals {
  uint64_t samples_with_bad_labels = 0;
  uint64_t bad_histograms = 0;
  uint64_t too_far_ahead = 0;
  uint64_t over_limit = 0;
  uint64_t others = 0;
  uint64_t exemplars = 0;
  Status first;
  Status first_limit;

  void note(const Status& status) {
    if (first.is_ok()) first = status;
  }
  uint64_t count() const {
    return samples_with_bad_labels + bad_histograms + too_far_ahead + over_limit + others;
  }
};

struct Staged {
  uint64_t samples = 0;  // floats and histograms
  uint64_t histograms = 0;
  uint64_t exemplars = 0;
  uint64_t without_metadata = 0;
  Refusals refused;
};

// Stages one request. Any error but a refusal ends it: nothing of the request is kept then.
class Stager {
 public:
  Stager(Appender& appender, TimestampMs now, WriteMessage message)
      : appender_(appender), latest_(now + kMaxAheadMs), strict_(message == WriteMessage::kV2) {}

  Status stage(SeriesReader& request) {
    WireSeries series;
    while (request.next(series)) RETURN_IF_ERROR(stage_series(series));
    return request.status();
  }
  Staged& result() { return result_; }

 private:
  Status stage_series(WireSeries& series);
  Status stage_samples(const WireSeries& series);
  Status stage_histogram(std::string_view message, const WireSeries& series);
  Status stage_exemplars(WireSeries& series);
  Status resolve(const WireSeries& series, bool* usable);
  Status encode(WireSeries& series);
  void refuse_series(const Status& why, const WireSeries& series);
  void refuse_exemplar(const std::string& why, const WireSeries& series);
  bool too_far(TimestampMs t, const WireSeries& series);
  Status not_kept(const Status& status, uint64_t samples);
  // append() with the current ref; a ref that died meanwhile is resolved once more.
  template <typename Value>
  Status append(TimestampMs start, TimestampMs t, const Value& value);

  Appender& appender_;
  const TimestampMs latest_;
  const bool strict_;
  Staged result_;
  std::string label_bytes_;
  model::Labels labels_;
  SeriesRef ref_;
  WireHistogram histogram_;
};

// Sorts an error of the storage: a refusal is counted, anything else ends the request.
Status Stager::not_kept(const Status& status, uint64_t samples) {
  switch (status.code()) {
    case Errc::kOk: return status;
    case Errc::kLimit:
      result_.refused.over_limit += samples;
      if (result_.refused.first_limit.is_ok()) result_.refused.first_limit = status;
      return Status::ok();
    case Errc::kBadData:
    case Errc::kOutOfOrder:
    case Errc::kDuplicate:
    case Errc::kOutOfBounds:
      result_.refused.others += samples;
      result_.refused.note(status);
      return Status::ok();
    default: return status;
  }
}

Status Stager::resolve(const WireSeries& series, bool* usable) {
  labels_ = model::Labels::from_bytes(label_bytes_);
  base::Result<SeriesRef> ref = appender_.resolve(labels_);
  *usable = ref.is_ok();
  if (!ref.is_ok()) return not_kept(ref.status(), series.sample_count());
  ref_ = *ref;
  return Status::ok();
}

template <typename Value>
Status Stager::append(TimestampMs start, TimestampMs t, const Value& value) {
  Status status = appender_.append(ref_, start, t, value);
  if (status.code() == Errc::kStaleRef) {
    ASSIGN_OR_RETURN(ref_, appender_.resolve(labels_));
    status = appender_.append(ref_, start, t, value);
  }
  if (status.is_ok()) {
    ++result_.samples;
    if constexpr (std::is_same_v<Value, model::Histogram>) ++result_.histograms;
  }
  return not_kept(status, 1);
}

bool Stager::too_far(TimestampMs t, const WireSeries& series) {
  if (t <= latest_) return false;
  ++result_.refused.too_far_ahead;
  if (result_.refused.first.is_ok()) {
    result_.refused.note({Errc::kOutOfBounds, "out of bounds: timestamp " + std::to_string(t) +
                                                  " is too far in the future, series " +
                                                  describe_labels(series.labels)});
  }
  return true;
}

Status Stager::stage_samples(const WireSeries& series) {
  for (const WireSeries::Sample& sample : series.samples) {
    if (too_far(sample.t, series)) continue;
    RETURN_IF_ERROR(append(sample.start, sample.t, sample.value));
  }
  return Status::ok();
}

Status Stager::stage_histogram(std::string_view message, const WireSeries& series) {
  const Status decoded = decode_histogram(message, histogram_);
  if (decoded.code() == Errc::kCorruption) return {Errc::kBadData, decoded.message()};
  if (!decoded.is_ok()) {
    ++result_.refused.bad_histograms;
    if (result_.refused.first.is_ok()) {
      result_.refused.note(
          {Errc::kBadData, decoded.message() + ", series " + describe_labels(series.labels)});
    }
    return Status::ok();
  }
  if (too_far(histogram_.t, series)) return Status::ok();
  if (model::is_stale(histogram_.histogram.sum)) {
    return append(histogram_.start, histogram_.t, model::stale_nan());
  }
  return append(histogram_.start, histogram_.t, histogram_.histogram);
}

void Stager::refuse_exemplar(const std::string& why, const WireSeries& series) {
  if (!strict_) return;  // as in Prometheus: they ride along
  ++result_.refused.exemplars;
  if (!result_.refused.first.is_ok()) return;
  result_.refused.note({Errc::kBadData, why + ", series " + describe_labels(series.labels)});
}

Status Stager::stage_exemplars(WireSeries& series) {
  for (const WireSeries::Exemplar& wire : series.exemplars) {
    const auto first = series.exemplar_labels.begin() + static_cast<ptrdiff_t>(wire.first_label);
    std::vector<model::Label> labels(first, first + static_cast<ptrdiff_t>(wire.labels));
    if (!wire.usable || !encode_labels(labels, label_bytes_).is_ok()) {
      refuse_exemplar("exemplar with invalid labels", series);
      continue;
    }
    if (wire.t > latest_) {
      refuse_exemplar("out of bounds: exemplar is too far in the future", series);
      continue;
    }
    const model::Exemplar exemplar{model::Labels::from_bytes(label_bytes_), wire.value, wire.t};
    const Status status = appender_.append_exemplar(ref_, exemplar);
    if (status.code() == Errc::kUnavailable || status.code() == Errc::kIo) return status;
    if (status.is_ok()) {
      ++result_.exemplars;
    } else {
      refuse_exemplar(status.message(), series);
    }
  }
  return Status::ok();
}

void Stager::refuse_series(const Status& why, const WireSeries& series) {
  result_.refused.samples_with_bad_labels += series.sample_count();
  if (!result_.refused.first.is_ok()) return;
  result_.refused.note(
      {Errc::kBadData, "invalid labels " + describe_labels(series.labels) + ": " + why.message()});
}

Status Stager::encode(WireSeries& series) {
  RETURN_IF_ERROR(series.labels_status);
  return encode_series_labels(series.labels, label_bytes_);
}

Status Stager::stage_series(WireSeries& series) {
  const bool empty = series.sample_count() == 0 && series.exemplars.empty();
  if (empty && !strict_) return Status::ok();
  if (const Status valid = encode(series); !valid.is_ok()) {
    refuse_series(valid, series);
    return Status::ok();
  }
  if (empty) {
    result_.refused.note(
        {Errc::kBadData, "TimeSeries must contain at least one sample or histogram for series " +
                             describe_labels(series.labels)});
    return Status::ok();
  }
  bool usable = false;
  RETURN_IF_ERROR(resolve(series, &usable));
  if (!usable) return Status::ok();
  const uint64_t before = result_.samples;
  RETURN_IF_ERROR(stage_samples(series));
  for (const std::string_view message : series.histograms) {
    RETURN_IF_ERROR(stage_histogram(message, series));
  }
  if (!series.metadata.given()) result_.without_metadata += result_.samples - before;
  return stage_exemplars(series);
}

int http_status_of(const Status& status) {
  switch (status.code()) {
    case Errc::kOk: return 204;
    case Errc::kBadData: return 400;
    case Errc::kLimit: return 429;
    case Errc::kUnavailable:
    case Errc::kIo:
    case Errc::kTimeout:
    case Errc::kCanceled: return 503;
    default: return 500;
  }
}

WriteReply reply_to(const Status& status) {
  WriteReply reply;
  reply.http_status = http_status_of(status);
  reply.error = status.message();
  return reply;
}

void add_count(std::string& text, uint64_t n, std::string_view what) {
  if (n == 0) return;
  text += text.empty() ? "" : ", ";
  text += std::to_string(n) + " " + std::string(what);
}

// Repetitions count as written, or the sender of a request that it sent before would take them for
// lost; so do exemplars where none are kept, as in Prometheus.
void set_written(WriteReply& reply, const Staged& staged, const CommitCounts& counts) {
  const uint64_t floats = counts.accepted - counts.histograms_accepted;
  const uint64_t staged_floats = staged.samples - staged.histograms;
  const uint64_t repeated_floats =
      std::min(counts.repeated, staged_floats - std::min(floats, staged_floats));
  reply.samples = floats + repeated_floats;
  reply.histograms = counts.histograms_accepted + counts.repeated - repeated_floats;
  reply.exemplars = staged.exemplars - std::min(counts.exemplars_out_of_order, staged.exemplars);
}

// The batch is committed: 204, or the first offender and how many there were.
WriteReply reply_to_commit(const Staged& staged, const CommitCounts& counts, WriteMessage message) {
  const Refusals& refused = staged.refused;
  WriteReply reply;
  set_written(reply, staged, counts);
  std::string list;
  add_count(list, refused.samples_with_bad_labels, "with invalid labels");
  add_count(list, refused.bad_histograms, "invalid histograms");
  add_count(list, counts.out_of_order, "out of order");
  add_count(list, counts.duplicate, "duplicate for timestamp");
  add_count(list, counts.out_of_bounds + refused.too_far_ahead, "out of bounds");
  add_count(list, refused.over_limit, "over the series limit");
  add_count(list, refused.others, "not storable");
  Status first = !refused.first_limit.is_ok() ? refused.first_limit : refused.first;
  if (first.is_ok()) first = counts.first_error;
  const uint64_t late = message == WriteMessage::kV2 ? counts.exemplars_out_of_order : 0;
  if (first.is_ok() && late > 0) first = Status(Errc::kOutOfOrder, "out of order exemplar");
  if (first.is_ok() && list.empty()) return reply;
  reply.http_status = refused.first_limit.is_ok() ? 400 : 429;
  reply.error = first.message();
  if (refused.exemplars + late > 0) {
    reply.error += " (" + std::to_string(refused.exemplars + late) + " exemplars refused)";
  }
  if (list.empty()) return reply;  // a series of exemplars alone, or of nothing
  reply.error += " (" + std::to_string(refused.count() + counts.refused()) + " of " +
                 std::to_string(refused.count() + staged.samples) + " samples refused: " + list +
                 ")";
  return reply;
}

std::unique_ptr<SeriesReader> make_reader(WriteMessage message, std::string_view body) {
  if (message == WriteMessage::kV2) return std::make_unique<WriteRequestV2Reader>(body);
  return std::make_unique<WriteRequestReader>(body);
}

}  // namespace

std::string_view write_message_name(WriteMessage message) {
  return message == WriteMessage::kV2 ? "io.prometheus.write.v2.Request"
                                      : "prometheus.WriteRequest";
}

WriteReceiver::WriteReceiver(Appendable& storage, base::Clock& clock,
                             base::metrics::Registry& registry)
    : storage_(storage),
      clock_(clock),
      invalid_labels_(registry.counter(
          "prometheus_api_remote_write_invalid_labels_samples_total",
          "The total number of received remote write samples and histogram samples which were "
          "rejected due to invalid labels.")),
      without_metadata_(registry.counter(
          "prometheus_api_remote_write_without_metadata_appended_samples_total",
          "The total number of received remote write samples (and histogram samples) which were "
          "ingested without corresponding metadata.")) {}

void WriteReceiver::write(WriteMessage message, std::string_view snappy_body, Reply reply) {
  const base::Result<DecodedBody> body = decode_snappy(snappy_body);
  if (!body.is_ok()) {
    reply(reply_to(body.status()));
    return;
  }
  const std::unique_ptr<SeriesReader> request = make_reader(message, body->view());
  const std::unique_ptr<Appender> appender = storage_.appender();
  Stager stager(*appender, clock_.now_ms(), message);
  const Status staged = stager.stage(*request);
  Staged& result = stager.result();
  if (result.refused.samples_with_bad_labels > 0) {
    invalid_labels_.inc(static_cast<double>(result.refused.samples_with_bad_labels));
  }
  if (!staged.is_ok()) {
    reply(reply_to(staged));  // the Appender goes uncommitted: nothing was touched
    return;
  }
  // Metadata of 1.0 comes in messages of its own: nothing can be said of its samples.
  const uint64_t without = message == WriteMessage::kV2 ? result.without_metadata : 0;
  appender->commit(
      Durability::kDurable,
      [reply = std::move(reply), staged_parts = std::move(result), message, without,
       &counter = without_metadata_](const Status& status, const CommitCounts& counts) mutable {
        if (status.is_ok()) counter.inc(static_cast<double>(without));
        reply(status.is_ok() ? reply_to_commit(staged_parts, counts, message) : reply_to(status));
      });
}

}  // namespace silverback::storage::remote
