#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/duration.h"
#include "base/go_float.h"
#include "model/labels.h"
#include "rules/template/format_number.h"
#include "rules/template/function_table.h"

namespace silverback::rules::text_template {

namespace {

using base::Result;
using Args = std::vector<Value>;

/// Numbers and strings that are numbers.
Result<double> to_float(const Value& value) {
  if (const auto* d = value.as<double>()) return *d;
  if (const auto* i = value.as<Integer>()) return static_cast<double>(i->v);
  if (const auto* s = value.as<std::string>()) {
    const auto parsed = base::parse_go_float(*s);
    if (parsed) return *parsed;
    return call_error("strconv.ParseFloat: parsing " + model::go_quote(*s) + ": invalid syntax");
  }
  return call_error("can't convert " + value.type_name() + " to float");
}

/// %.4g
std::string four_digits(double v) {
  FormatSpec spec;
  spec.precision = 4;
  return format_float(v, 'g', spec);
}

/// Below 1: the prefix that brings `v` to 1 or more; `v` is scaled.
std::string_view small_prefix(double& v) {
  static constexpr std::array<std::string_view, 8> kPrefixes = {"m", "u", "n", "p",
                                                                "f", "a", "z", "y"};
  std::string_view prefix;
  for (const std::string_view p : kPrefixes) {
    if (std::fabs(v) >= 1) break;
    prefix = p;
    v *= 1000;
  }
  return prefix;
}

std::string large(double v, double base, const std::array<std::string_view, 8>& prefixes) {
  std::string_view prefix;
  for (const std::string_view p : prefixes) {
    if (std::fabs(v) < base) break;
    prefix = p;
    v /= base;
  }
  return four_digits(v) + std::string(prefix);
}

std::string humanize(double v) {
  if (v == 0 || !std::isfinite(v)) return four_digits(v);
  if (std::fabs(v) >= 1) return large(v, 1000, {"k", "M", "G", "T", "P", "E", "Z", "Y"});
  const std::string_view prefix = small_prefix(v);
  return four_digits(v) + std::string(prefix);
}

std::string humanize1024(double v) {
  if (std::fabs(v) <= 1 || !std::isfinite(v)) return four_digits(v);
  return large(v, 1024, {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"});
}

std::string humanize_duration(double v) {
  if (!std::isfinite(v)) return four_digits(v);
  if (v == 0) return four_digits(v) + "s";
  if (std::fabs(v) < 1) {
    const std::string_view prefix = small_prefix(v);
    return four_digits(v) + std::string(prefix) + "s";
  }
  std::string out = v < 0 ? "-" : "";
  v = std::fabs(v);
  // Go's conversion of what does not fit gives the smallest integer; nothing sensible follows.
  const int64_t total = v < 9.2e18 ? static_cast<int64_t>(v) : std::numeric_limits<int64_t>::max();
  const int64_t days = total / 86400, hours = total / 3600 % 24, minutes = total / 60 % 60;
  if (days != 0) out += std::to_string(days) + "d ";
  if (days != 0 || hours != 0) out += std::to_string(hours) + "h ";
  if (days != 0 || hours != 0 || minutes != 0) {
    return out + std::to_string(minutes) + "m " + std::to_string(total % 60) + "s";
  }
  return out + four_digits(v) + "s";
}

Result<Time> float_to_time(double v) {
  const double ns = v * 1e9;
  if (ns > 9223372036854775807.0 || ns < -9223372036854775808.0) {
    return call_error(base::go_g(v) +
                      " cannot be represented as a nanoseconds timestamp since it overflows int64");
  }
  // 2^63 itself passes the check, as in Go, and saturates.
  const int64_t whole =
      ns >= 9223372036854775807.0 ? std::numeric_limits<int64_t>::max() : static_cast<int64_t>(ns);
  return Time{whole / 1'000'000 * 1'000'000};  // as model.Time: milliseconds
}

Result<Value> fn_humanize_timestamp(const Environment&, Args& args) {
  ASSIGN_OR_RETURN(const double v, to_float(args[0]));
  if (!std::isfinite(v)) return Value(four_digits(v));
  ASSIGN_OR_RETURN(const Time t, float_to_time(v));
  return Value(time_text(t));
}

Result<Value> fn_to_time(const Environment&, Args& args) {
  ASSIGN_OR_RETURN(const double v, to_float(args[0]));
  if (!std::isfinite(v)) return call_error("value is NaN or Inf");
  ASSIGN_OR_RETURN(const Time t, float_to_time(v));
  return Value(t);
}

Result<Value> fn_to_duration(const Environment&, Args& args) {
  ASSIGN_OR_RETURN(const double v, to_float(args[0]));
  const double ns = v * 1e9;
  if (!(ns >= -9223372036854775808.0 && ns < 9223372036854775808.0)) {
    return Value(Duration{std::numeric_limits<int64_t>::min()});  // as amd64 converts
  }
  return Value(Duration{static_cast<int64_t>(ns)});
}

Result<Value> fn_parse_duration(const Environment&, Args& args) {
  std::string_view text = *args[0].as<std::string>();
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  ASSIGN_OR_RETURN(const int64_t ms, base::parse_duration_ms(text));
  return Value(static_cast<double>(negative ? -ms : ms) / 1000);
}

/// A function of one number.
template <std::string (*transform)(double)>
Result<Value> fn_number(const Environment&, Args& args) {
  ASSIGN_OR_RETURN(const double v, to_float(args[0]));
  return Value(transform(v));
}

std::string percentage(double v) {
  return four_digits(v * 100) + "%";
}

const std::vector<FunctionDef>& rows() {
  static const std::vector<Param> one = {Param::kAny};
  static const std::vector<FunctionDef> all = {
      {"humanize", one, false, fn_number<humanize>},
      {"humanize1024", one, false, fn_number<humanize1024>},
      {"humanizeDuration", one, false, fn_number<humanize_duration>},
      {"humanizePercentage", one, false, fn_number<percentage>},
      {"humanizeTimestamp", one, false, fn_humanize_timestamp},
      {"toTime", one, false, fn_to_time},
      {"toDuration", one, false, fn_to_duration},
      {"parseDuration", {Param::kString}, false, fn_parse_duration},
      {"now",
       {},
       false,
       [](const Environment& env, Args&) -> Result<Value> {
         return Value(static_cast<double>(env.now_ms) / 1000);
       }},
  };
  return all;
}

}  // namespace

std::span<const FunctionDef> humanize_functions() {
  return rows();
}

}  // namespace silverback::rules::text_template
