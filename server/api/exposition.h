#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/histogram.h"
#include "model/timestamp.h"
#include "server/api/name_escaping.h"

namespace silverback::server::api {

enum class Exposition : uint8_t { kText, kOpenMetrics, kProtobuf };

/// What a reader of samples gets.
struct ExpositionChoice {
  Exposition format = Exposition::kText;
  NameEscaping escaping = NameEscaping::kUnderscores;
  std::string content_type() const;
};
/// By an Accept header: text 0.0.4 unless something else is asked for.
ExpositionChoice choose_exposition(std::string_view accept);

struct ExposedMetric {
  std::vector<std::pair<std::string, std::string>> labels;  // without the name
  model::TimestampMs t = 0;
  double value = 0;
  std::shared_ptr<const model::Histogram> histogram;  // instead of `value`
};
/// Metrics of one name and one kind: all floats or all histograms of one type.
struct ExposedFamily {
  std::string name;
  bool histograms = false;
  bool gauge_histograms = false;
  std::vector<ExposedMetric> metrics;
};

/// Exponential histograms are for kProtobuf only (precondition); custom buckets are written as a
/// classic histogram.
void append_family(std::string& out, const ExposedFamily& family, const ExpositionChoice& choice);
/// What ends a page of that format.
void append_exposition_end(std::string& out, const ExpositionChoice& choice);

/// Upper bounds and cumulative counts of custom buckets, without +Inf.
std::vector<std::pair<double, double>> classic_buckets(const model::Histogram& h);

}  // namespace silverback::server::api
