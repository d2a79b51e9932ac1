#pragma once

#include <cstdint>
#include <string>

#include "model/labels.h"
#include "model/timestamp.h"

namespace silverback::model {

struct Exemplar {
  Labels labels;
  double value = 0;
  TimestampMs t = 0;  // 0 = the sample's own
};

enum class MetricType : uint8_t {
  kUnknown = 0,
  kCounter = 1,
  kGauge = 2,
  kHistogram = 3,
  kGaugeHistogram = 4,
  kSummary = 5,
  kInfo = 6,
  kStateset = 7,
};
/// "counter", "gauge", ... as the API spells them.
std::string_view metric_type_name(MetricType type);

struct Metadata {
  MetricType type = MetricType::kUnknown;
  std::string help;
  std::string unit;
  bool operator==(const Metadata&) const = default;
};

}  // namespace silverback::model
