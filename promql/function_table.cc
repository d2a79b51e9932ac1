#include <algorithm>
#include <array>

#include "promql/function_def.h"

namespace silverback::promql {

namespace {

constexpr ValueType kV = ValueType::kVector;
constexpr ValueType kM = ValueType::kMatrix;
constexpr ValueType kS = ValueType::kScalar;
constexpr ValueType kT = ValueType::kString;
constexpr bool kStable = false;
constexpr bool kExperimental = true;
constexpr bool kAtSafe = false;
constexpr bool kAtUnsafe = true;

// Sorted by name: find_function() searches by halves.
constexpr std::array<FunctionDef, 90> kFunctions = {{
    {"abs", {kV}, 1, 0, kV, kStable, kAtSafe, "absolute value", nullptr},
    {"absent", {kV}, 1, 0, kV, kStable, kAtSafe, "1 when the vector has no element", nullptr},
    {"absent_over_time", {kM}, 1, 0, kV, kStable, kAtSafe,
     "1 when the range has no sample", nullptr},
    {"acos", {kV}, 1, 0, kV, kStable, kAtSafe, "arccosine in radians", nullptr},
    {"acosh", {kV}, 1, 0, kV, kStable, kAtSafe, "inverse hyperbolic cosine", nullptr},
    {"asin", {kV}, 1, 0, kV, kStable, kAtSafe, "arcsine in radians", nullptr},
    {"asinh", {kV}, 1, 0, kV, kStable, kAtSafe, "inverse hyperbolic sine", nullptr},
    {"atan", {kV}, 1, 0, kV, kStable, kAtSafe, "arctangent in radians", nullptr},
    {"atanh", {kV}, 1, 0, kV, kStable, kAtSafe, "inverse hyperbolic tangent", nullptr},
    {"avg_over_time", {kM}, 1, 0, kV, kStable, kAtSafe,
     "mean of the samples in the range", nullptr},
    {"ceil", {kV}, 1, 0, kV, kStable, kAtSafe, "rounds up to the next integer", nullptr},
    {"changes", {kM}, 1, 0, kV, kStable, kAtSafe,
     "how often the value changed in the range", nullptr},
    {"clamp", {kV, kS, kS}, 3, 0, kV, kStable, kAtSafe,
     "keeps values between a minimum and a maximum", nullptr},
    {"clamp_max", {kV, kS}, 2, 0, kV, kStable, kAtSafe, "lowers values to a maximum", nullptr},
    {"clamp_min", {kV, kS}, 2, 0, kV, kStable, kAtSafe, "raises values to a minimum", nullptr},
    {"cos", {kV}, 1, 0, kV, kStable, kAtSafe, "cosine of radians", nullptr},
    {"cosh", {kV}, 1, 0, kV, kStable, kAtSafe, "hyperbolic cosine", nullptr},
    {"count_over_time", {kM}, 1, 0, kV, kStable, kAtSafe,
     "number of samples in the range", nullptr},
    {"day_of_month", {kV}, 1, 1, kV, kStable, kAtUnsafe,
     "day of the month in UTC, 1 to 31", nullptr},
    {"day_of_week", {kV}, 1, 1, kV, kStable, kAtUnsafe,
     "day of the week in UTC, 0 is Sunday", nullptr},
    {"day_of_year", {kV}, 1, 1, kV, kStable, kAtUnsafe,
     "day of the year in UTC, 1 to 366", nullptr},
    {"days_in_month", {kV}, 1, 1, kV, kStable, kAtUnsafe,
     "days of the month in UTC, 28 to 31", nullptr},
    {"deg", {kV}, 1, 0, kV, kStable, kAtSafe, "radians to degrees", nullptr},
    {"delta", {kM}, 1, 0, kV, kStable, kAtSafe, "difference of a gauge over the range", nullptr},
    {"deriv", {kM}, 1, 0, kV, kStable, kAtSafe, "per-second slope by linear regression", nullptr},
    {"double_exponential_smoothing", {kM, kS, kS}, 3, 0, kV, kExperimental, kAtSafe,
     "smoothed value by smoothing and trend factor", nullptr},
    {"end", {}, 0, 0, kS, kExperimental, kAtUnsafe, "end of the query in seconds", nullptr},
    {"exp", {kV}, 1, 0, kV, kStable, kAtSafe, "e to the power of each value", nullptr},
    {"first_over_time", {kM}, 1, 0, kV, kStable, kAtSafe, "oldest sample in the range", nullptr},
    {"floor", {kV}, 1, 0, kV, kStable, kAtSafe, "rounds down to the next integer", nullptr},
    {"histogram_avg", {kV}, 1, 0, kV, kStable, kAtSafe,
     "mean observation in a native histogram", nullptr},
    {"histogram_count", {kV}, 1, 0, kV, kStable, kAtSafe,
     "number of observations in a native histogram", nullptr},
    {"histogram_fraction", {kS, kS, kV}, 3, 0, kV, kStable, kAtSafe,
     "estimated fraction of observations between two bounds", nullptr},
    {"histogram_quantile", {kS, kV}, 2, 0, kV, kStable, kAtSafe,
     "estimated quantile of a classic or native histogram", nullptr},
    {"histogram_quantiles", {kV, kT, kS, kS}, 4, 9, kV, kExperimental, kAtSafe,
     "estimated quantiles, told apart by a label", nullptr},
    {"histogram_stddev", {kV}, 1, 0, kV, kStable, kAtSafe,
     "estimated standard deviation of a native histogram", nullptr},
    {"histogram_stdvar", {kV}, 1, 0, kV, kStable, kAtSafe,
     "estimated variance of a native histogram", nullptr},
    {"histogram_sum", {kV}, 1, 0, kV, kStable, kAtSafe,
     "sum of observations in a native histogram", nullptr},
    {"hour", {kV}, 1, 1, kV, kStable, kAtUnsafe, "hour of the day in UTC, 0 to 23", nullptr},
    {"idelta", {kM}, 1, 0, kV, kStable, kAtSafe,
     "difference between the last two samples", nullptr},
    {"increase", {kM}, 1, 0, kV, kStable, kAtSafe, "increase of a counter over the range", nullptr},
    {"info", {kV, kV}, 2, 1, kV, kExperimental, kAtSafe,
     "adds the data labels of matching info series", nullptr},
    {"irate", {kM}, 1, 0, kV, kStable, kAtSafe,
     "per-second increase between the last two samples", nullptr},
    {"label_join", {kV, kT, kT, kT}, 4, -1, kV, kStable, kAtSafe,
     "sets a label from the values of others, joined", nullptr},
    {"label_replace", {kV, kT, kT, kT, kT}, 5, 0, kV, kStable, kAtSafe,
     "sets a label from a regular expression over another", nullptr},
    {"last_over_time", {kM}, 1, 0, kV, kStable, kAtSafe, "newest sample in the range", nullptr},
    {"ln", {kV}, 1, 0, kV, kStable, kAtSafe, "natural logarithm", nullptr},
    {"log10", {kV}, 1, 0, kV, kStable, kAtSafe, "decimal logarithm", nullptr},
    {"log2", {kV}, 1, 0, kV, kStable, kAtSafe, "binary logarithm", nullptr},
    {"mad_over_time", {kM}, 1, 0, kV, kExperimental, kAtSafe,
     "median absolute deviation over the range", nullptr},
    {"max_of", {kS, kS}, 2, 0, kS, kExperimental, kAtSafe, "the larger of two scalars", nullptr},
    {"max_over_time", {kM}, 1, 0, kV, kStable, kAtSafe, "largest sample in the range", nullptr},
    {"min_of", {kS, kS}, 2, 0, kS, kExperimental, kAtSafe, "the smaller of two scalars", nullptr},
    {"min_over_time", {kM}, 1, 0, kV, kStable, kAtSafe, "smallest sample in the range", nullptr},
    {"minute", {kV}, 1, 1, kV, kStable, kAtUnsafe, "minute of the hour in UTC, 0 to 59", nullptr},
    {"month", {kV}, 1, 1, kV, kStable, kAtUnsafe, "month of the year in UTC, 1 to 12", nullptr},
    {"pi", {}, 0, 0, kS, kStable, kAtSafe, "the number pi", nullptr},
    {"predict_linear", {kM, kS}, 2, 0, kV, kStable, kAtUnsafe,
     "value expected in so many seconds, by linear regression", nullptr},
    {"present_over_time", {kM}, 1, 0, kV, kStable, kAtSafe,
     "1 for each series with a sample in the range", nullptr},
    {"quantile_over_time", {kS, kM}, 2, 0, kV, kStable, kAtSafe,
     "quantile of the samples in the range", nullptr},
    {"rad", {kV}, 1, 0, kV, kStable, kAtSafe, "degrees to radians", nullptr},
    {"range", {}, 0, 0, kS, kExperimental, kAtUnsafe, "length of the query in seconds", nullptr},
    {"rate", {kM}, 1, 0, kV, kStable, kAtSafe,
     "per-second increase of a counter over the range", nullptr},
    {"resets", {kM}, 1, 0, kV, kStable, kAtSafe,
     "how often the counter was reset in the range", nullptr},
    {"round", {kV, kS}, 2, 1, kV, kStable, kAtSafe,
     "rounds to the nearest multiple, ties up", nullptr},
    {"scalar", {kV}, 1, 0, kS, kStable, kAtSafe, "value of the only element, else NaN", nullptr},
    {"sgn", {kV}, 1, 0, kV, kStable, kAtSafe, "sign: -1, 0 or 1", nullptr},
    {"sin", {kV}, 1, 0, kV, kStable, kAtSafe, "sine of radians", nullptr},
    {"sinh", {kV}, 1, 0, kV, kStable, kAtSafe, "hyperbolic sine", nullptr},
    {"sort", {kV}, 1, 0, kV, kStable, kAtSafe, "sorts elements by value, ascending", nullptr},
    {"sort_by_label", {kV, kT}, 2, -1, kV, kExperimental, kAtSafe,
     "sorts elements by labels in natural order", nullptr},
    {"sort_by_label_desc", {kV, kT}, 2, -1, kV, kExperimental, kAtSafe,
     "sorts elements by labels in reverse natural order", nullptr},
    {"sort_desc", {kV}, 1, 0, kV, kStable, kAtSafe, "sorts elements by value, descending", nullptr},
    {"sqrt", {kV}, 1, 0, kV, kStable, kAtSafe, "square root", nullptr},
    {"start", {}, 0, 0, kS, kExperimental, kAtUnsafe, "start of the query in seconds", nullptr},
    {"start_timestamp", {kV}, 1, 0, kV, kExperimental, kAtSafe,
     "start timestamp of each sample in seconds", nullptr},
    {"stddev_over_time", {kM}, 1, 0, kV, kStable, kAtSafe,
     "population standard deviation over the range", nullptr},
    {"stdvar_over_time", {kM}, 1, 0, kV, kStable, kAtSafe,
     "population variance over the range", nullptr},
    {"step", {}, 0, 0, kS, kExperimental, kAtUnsafe, "step of the query in seconds", nullptr},
    {"sum_over_time", {kM}, 1, 0, kV, kStable, kAtSafe, "sum of the samples in the range", nullptr},
    {"tan", {kV}, 1, 0, kV, kStable, kAtSafe, "tangent of radians", nullptr},
    {"tanh", {kV}, 1, 0, kV, kStable, kAtSafe, "hyperbolic tangent", nullptr},
    {"time", {}, 0, 0, kS, kStable, kAtUnsafe, "evaluation time in seconds", nullptr},
    {"timestamp", {kV}, 1, 0, kV, kStable, kAtUnsafe,
     "timestamp of each sample in seconds", nullptr},
    {"ts_of_first_over_time", {kM}, 1, 0, kV, kExperimental, kAtSafe,
     "time of the oldest sample in the range", nullptr},
    {"ts_of_last_over_time", {kM}, 1, 0, kV, kExperimental, kAtSafe,
     "time of the newest sample in the range", nullptr},
    {"ts_of_max_over_time", {kM}, 1, 0, kV, kExperimental, kAtSafe,
     "time of the last largest sample in the range", nullptr},
    {"ts_of_min_over_time", {kM}, 1, 0, kV, kExperimental, kAtSafe,
     "time of the last smallest sample in the range", nullptr},
    {"vector", {kS}, 1, 0, kV, kStable, kAtSafe,
     "the scalar as an element without labels", nullptr},
    {"year", {kV}, 1, 1, kV, kStable, kAtUnsafe, "year in UTC", nullptr},
}};

}  // namespace

std::span<const FunctionDef> function_table() { return kFunctions; }

const FunctionDef* find_function(std::string_view name) {
  const auto* end = kFunctions.data() + kFunctions.size();
  const auto* at = std::lower_bound(
      kFunctions.data(), end, name,
      [](const FunctionDef& row, std::string_view wanted) { return row.name < wanted; });
  return at != end && at->name == name ? at : nullptr;
}

}  // namespace silverback::promql
