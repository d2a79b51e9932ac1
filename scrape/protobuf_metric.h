#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"
#include "model/timestamp.h"
#include "storage/remote/wire_reader.h"

/// The messages of io.prometheus.client, decoded by hand. Views point into the page.
namespace silverback::scrape {

/// MetricFamily.type.
enum class FamilyType : int32_t {
  kCounter = 0,
  kGauge = 1,
  kSummary = 2,
  kUntyped = 3,
  kHistogram = 4,
  kGaugeHistogram = 5,
};

/// A MetricFamily; its metrics are still messages, read one by one.
struct WireFamily {
  std::string_view name, help, unit;
  int32_t type = 0;
  bool has_metrics = false;
};

struct WireBucket {
  double cumulative = 0;
  double upper = 0;
  std::string_view exemplar;  // a message; empty and !has_exemplar: none
  bool has_exemplar = false;
};

struct WireQuantile {
  double quantile = 0, value = 0;
};

struct WireNativeHistogram {
  double count = 0, sum = 0;  // of the classic part, too
  bool is_float = false;
  uint64_t count_int = 0, zero_int = 0;
  double count_float = 0, zero_float = 0;
  int32_t schema = 0;
  double zero_threshold = 0;
  std::vector<model::Span> positive_spans, negative_spans;
  std::vector<int64_t> positive_deltas, negative_deltas;
  std::vector<double> positive_counts, negative_counts;
  std::vector<std::string_view> exemplars;
  std::vector<WireBucket> buckets;
  model::TimestampMs start = 0;

  /// Spans, a zero threshold or a zero count tell a native histogram from a classic one.
  bool is_native() const {
    return !positive_spans.empty() || !negative_spans.empty() || zero_threshold > 0 || zero_int > 0;
  }
};

/// A Metric; which of its values counts is said by the family's type. Kept from metric to metric
/// for its memory.
struct WireMetric {
  std::vector<model::Label> labels;  // as sent: any order, valid UTF-8
  model::TimestampMs t = 0;          // 0 = none
  double gauge = 0, untyped = 0;
  double counter = 0;
  std::string_view counter_exemplar;
  bool counter_has_exemplar = false;
  model::TimestampMs counter_start = 0;
  double summary_count = 0, summary_sum = 0;
  std::vector<WireQuantile> quantiles;
  model::TimestampMs summary_start = 0;
  WireNativeHistogram histogram;
};

/// kCorruption when the bytes break the wire format.
base::Status decode_family(std::string_view message, WireFamily& into);
/// The next metric of a family that decode_family() took. False: there is none.
bool next_metric(storage::remote::WireReader& family, std::string_view& metric);
/// kCorruption, or kBadData: a label that is not valid UTF-8 or has no name, a list too long.
base::Status decode_metric(std::string_view message, WireMetric& into);

struct WireExemplar {
  model::Exemplar exemplar;
  bool has_timestamp = false;
};
base::Status decode_exemplar(std::string_view message, WireExemplar& into);

/// The native histogram without empty buckets. kBadData when spans and buckets do not fit each
/// other; the other rules are model::Histogram::validate()'s.
base::Status to_histogram(const WireNativeHistogram& wire, model::Histogram& into);

}  // namespace silverback::scrape
