#include <algorithm>
#include <array>

#include "promql/function_def.h"
#include "promql/function_impl.h"

namespace silverback::promql {

namespace {

/// Arguments by letter: v instant vector, m range vector, s scalar, t string.
constexpr ValueType argument_type(char letter) {
  switch (letter) {
    case 'v': return ValueType::kVector;
    case 'm': return ValueType::kMatrix;
    case 's': return ValueType::kScalar;
    default: return ValueType::kString;
  }
}

/// A stable function that returns an instant vector.
constexpr FunctionDef row(std::string_view name, std::string_view arguments, std::string_view doc,
                          const FunctionImpl* impl) {
  FunctionDef def;
  def.name = name;
  for (const char letter : arguments) def.args[def.arg_count++] = argument_type(letter);
  def.doc = doc;
  def.impl = impl;
  return def;
}

constexpr FunctionDef scalar(FunctionDef def) {
  def.returns = ValueType::kScalar;
  return def;
}

constexpr FunctionDef variadic(FunctionDef def, int8_t times) {
  def.variadic = times;
  return def;
}

constexpr FunctionDef experimental(FunctionDef def) {
  def.experimental = true;
  return def;
}

constexpr FunctionDef at_unsafe(FunctionDef def) {
  def.at_unsafe = true;
  return def;
}

// Sorted by name: find_function() searches by halves.
constexpr std::array<FunctionDef, 90> kFunctions = {
    row("abs", "v", "absolute value", &impl::abs),
    row("absent", "v", "1 when the vector has no element", &impl::absent),
    row("absent_over_time", "m", "1 when the range has no sample", &impl::absent_over_time),
    row("acos", "v", "arccosine in radians", &impl::acos),
    row("acosh", "v", "inverse hyperbolic cosine", &impl::acosh),
    row("asin", "v", "arcsine in radians", &impl::asin),
    row("asinh", "v", "inverse hyperbolic sine", &impl::asinh),
    row("atan", "v", "arctangent in radians", &impl::atan),
    row("atanh", "v", "inverse hyperbolic tangent", &impl::atanh),
    row("avg_over_time", "m", "mean of the samples in the range", &impl::avg_over_time),
    row("ceil", "v", "rounds up to the next integer", &impl::ceil),
    row("changes", "m", "how often the value changed in the range", &impl::changes),
    row("clamp", "vss", "keeps values between a minimum and a maximum", &impl::clamp),
    row("clamp_max", "vs", "lowers values to a maximum", &impl::clamp_max),
    row("clamp_min", "vs", "raises values to a minimum", &impl::clamp_min),
    row("cos", "v", "cosine of radians", &impl::cos),
    row("cosh", "v", "hyperbolic cosine", &impl::cosh),
    row("count_over_time", "m", "number of samples in the range", &impl::count_over_time),
    at_unsafe(variadic(
        row("day_of_month", "v", "day of the month in UTC, 1 to 31", &impl::day_of_month), 1)),
    at_unsafe(variadic(
        row("day_of_week", "v", "day of the week in UTC, 0 is Sunday", &impl::day_of_week), 1)),
    at_unsafe(variadic(
        row("day_of_year", "v", "day of the year in UTC, 1 to 366", &impl::day_of_year), 1)),
    at_unsafe(variadic(
        row("days_in_month", "v", "days of the month in UTC, 28 to 31", &impl::days_in_month), 1)),
    row("deg", "v", "radians to degrees", &impl::deg),
    row("delta", "m", "difference of a gauge over the range", &impl::delta),
    row("deriv", "m", "per-second slope by linear regression", &impl::deriv),
    experimental(row("double_exponential_smoothing", "mss",
                     "smoothed value by smoothing and trend factor",
                     &impl::double_exponential_smoothing)),
    experimental(
        at_unsafe(scalar(row("end", "", "end of the query in seconds", &impl::query_constant)))),
    row("exp", "v", "e to the power of each value", &impl::exp),
    row("first_over_time", "m", "oldest sample in the range", &impl::first_over_time),
    row("floor", "v", "rounds down to the next integer", &impl::floor),
    row("histogram_avg", "v", "mean observation in a native histogram", &impl::histogram_avg),
    row("histogram_count", "v", "number of observations in a native histogram",
        &impl::histogram_count),
    row("histogram_fraction", "ssv", "estimated fraction of observations between two bounds",
        &impl::histogram_fraction),
    row("histogram_quantile", "sv", "estimated quantile of a classic or native histogram",
        &impl::histogram_quantile),
    experimental(
        variadic(row("histogram_quantiles", "vtss", "estimated quantiles, told apart by a label",
                     &impl::histogram_quantiles),
                 9)),
    row("histogram_stddev", "v", "estimated standard deviation of a native histogram",
        &impl::histogram_stddev),
    row("histogram_stdvar", "v", "estimated variance of a native histogram",
        &impl::histogram_stdvar),
    row("histogram_sum", "v", "sum of observations in a native histogram", &impl::histogram_sum),
    at_unsafe(variadic(row("hour", "v", "hour of the day in UTC, 0 to 23", &impl::hour), 1)),
    row("idelta", "m", "difference between the last two samples", &impl::idelta),
    row("increase", "m", "increase of a counter over the range", &impl::increase),
    experimental(variadic(
        row("info", "vv", "adds the data labels of matching info series", &impl::info), 1)),
    row("irate", "m", "per-second increase between the last two samples", &impl::irate),
    variadic(row("label_join", "vttt", "sets a label from the values of others, joined",
                 &impl::label_join),
             -1),
    row("label_replace", "vtttt", "sets a label from a regular expression over another",
        &impl::label_replace),
    row("last_over_time", "m", "newest sample in the range", &impl::last_over_time),
    row("ln", "v", "natural logarithm", &impl::ln),
    row("log10", "v", "decimal logarithm", &impl::log10),
    row("log2", "v", "binary logarithm", &impl::log2),
    experimental(row("mad_over_time", "m", "median absolute deviation over the range",
                     &impl::mad_over_time)),
    experimental(scalar(row("max_of", "ss", "the larger of two scalars", &impl::max_of))),
    row("max_over_time", "m", "largest sample in the range", &impl::max_over_time),
    experimental(scalar(row("min_of", "ss", "the smaller of two scalars", &impl::min_of))),
    row("min_over_time", "m", "smallest sample in the range", &impl::min_over_time),
    at_unsafe(variadic(row("minute", "v", "minute of the hour in UTC, 0 to 59", &impl::minute), 1)),
    at_unsafe(variadic(row("month", "v", "month of the year in UTC, 1 to 12", &impl::month), 1)),
    scalar(row("pi", "", "the number pi", &impl::pi)),
    at_unsafe(row("predict_linear", "ms", "value expected in so many seconds, by linear regression",
                  &impl::predict_linear)),
    row("present_over_time", "m", "1 for each series with a sample in the range",
        &impl::present_over_time),
    row("quantile_over_time", "sm", "quantile of the samples in the range",
        &impl::quantile_over_time),
    row("rad", "v", "degrees to radians", &impl::rad),
    experimental(at_unsafe(
        scalar(row("range", "", "length of the query in seconds", &impl::query_constant)))),
    row("rate", "m", "per-second increase of a counter over the range", &impl::rate),
    row("resets", "m", "how often the counter was reset in the range", &impl::resets),
    variadic(row("round", "vs", "rounds to the nearest multiple, ties up", &impl::round), 1),
    scalar(row("scalar", "v", "value of the only element, else NaN", &impl::scalar)),
    row("sgn", "v", "sign: -1, 0 or 1", &impl::sgn),
    row("sin", "v", "sine of radians", &impl::sin),
    row("sinh", "v", "hyperbolic sine", &impl::sinh),
    row("sort", "v", "sorts elements by value, ascending", &impl::sort),
    experimental(variadic(row("sort_by_label", "vt", "sorts elements by labels in natural order",
                              &impl::sort_by_label),
                          -1)),
    experimental(variadic(
        row("sort_by_label_desc", "vt", "sorts elements by labels in reverse natural order",
            &impl::sort_by_label_desc),
        -1)),
    row("sort_desc", "v", "sorts elements by value, descending", &impl::sort_desc),
    row("sqrt", "v", "square root", &impl::sqrt),
    experimental(at_unsafe(
        scalar(row("start", "", "start of the query in seconds", &impl::query_constant)))),
    experimental(row("start_timestamp", "v", "start timestamp of each sample in seconds",
                     &impl::start_timestamp)),
    row("stddev_over_time", "m", "population standard deviation over the range",
        &impl::stddev_over_time),
    row("stdvar_over_time", "m", "population variance over the range", &impl::stdvar_over_time),
    experimental(
        at_unsafe(scalar(row("step", "", "step of the query in seconds", &impl::query_constant)))),
    row("sum_over_time", "m", "sum of the samples in the range", &impl::sum_over_time),
    row("tan", "v", "tangent of radians", &impl::tan),
    row("tanh", "v", "hyperbolic tangent", &impl::tanh),
    at_unsafe(scalar(row("time", "", "evaluation time in seconds", &impl::time))),
    at_unsafe(row("timestamp", "v", "timestamp of each sample in seconds", &impl::timestamp)),
    experimental(row("ts_of_first_over_time", "m", "time of the oldest sample in the range",
                     &impl::ts_of_first_over_time)),
    experimental(row("ts_of_last_over_time", "m", "time of the newest sample in the range",
                     &impl::ts_of_last_over_time)),
    experimental(row("ts_of_max_over_time", "m", "time of the last largest sample in the range",
                     &impl::ts_of_max_over_time)),
    experimental(row("ts_of_min_over_time", "m", "time of the last smallest sample in the range",
                     &impl::ts_of_min_over_time)),
    row("vector", "s", "the scalar as an element without labels", &impl::vector),
    at_unsafe(variadic(row("year", "v", "year in UTC", &impl::year), 1)),
};

}  // namespace

std::span<const FunctionDef> function_table() {
  return kFunctions;
}

const FunctionDef* find_function(std::string_view name) {
  const auto* end = kFunctions.data() + kFunctions.size();
  const auto* at = std::lower_bound(
      kFunctions.data(), end, name,
      [](const FunctionDef& def, std::string_view wanted) { return def.name < wanted; });
  return at != end && at->name == name ? at : nullptr;
}

}  // namespace silverback::promql
