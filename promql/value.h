#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "model/histogram.h"
#include "model/labels.h"
#include "model/timestamp.h"

namespace silverback::promql {

enum class ValueType : uint8_t { kNone, kScalar, kVector, kMatrix, kString };
/// "scalar", "instant vector", "range vector", "string": as error texts name them.
std::string_view value_type_text(ValueType type);

struct FloatPoint {
  model::TimestampMs t = 0;
  double v = 0;
};
struct HistogramPoint {
  model::TimestampMs t = 0;
  std::shared_ptr<const model::Histogram> h;
};

struct Scalar {
  model::TimestampMs t = 0;
  double v = 0;
};
struct String {
  model::TimestampMs t = 0;
  std::string v;
};
/// One element of an instant vector; a histogram when `h` is set.
struct Sample {
  model::Labels labels;
  model::TimestampMs t = 0;
  double v = 0;
  std::shared_ptr<const model::Histogram> h;
};
/// One series of a matrix; both lists ascending in time.
struct Series {
  model::Labels labels;
  std::vector<FloatPoint> floats;
  std::vector<HistogramPoint> histograms;
};
using Vector = std::vector<Sample>;
using Matrix = std::vector<Series>;
using Value = std::variant<Scalar, Vector, Matrix, String>;

}  // namespace silverback::promql
