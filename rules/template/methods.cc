#include <cmath>
#include <limits>
#include <utility>

#include "rules/template/function_table.h"
#include "rules/template/go_time.h"

namespace silverback::rules::text_template {

namespace {

using base::Result;
using Args = std::vector<Value>;

Time time_of(const Args& args, size_t i) {
  return *args[i].as<Time>();
}
Duration duration_of(const Args& args, size_t i) {
  return *args[i].as<Duration>();
}

/// Wraps on overflow, as Go's int64 does.
int64_t wrapping_add(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t wrapping_sub(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

/// A part of the civil time as an int.
template <auto part>
Result<Value> civil(const Environment&, Args& args) {
  return Value::integer(civil_time(time_of(args, 0)).*part);
}

Result<Value> month(const Environment&, Args& args) {
  const int m = civil_time(time_of(args, 0)).month;
  return Value(Integer{m, "time.Month", month_name(m)});
}
Result<Value> weekday(const Environment&, Args& args) {
  const int day = civil_time(time_of(args, 0)).weekday;
  return Value(Integer{day, "time.Weekday", weekday_name(day)});
}

template <int64_t unit>
Result<Value> unix_time(const Environment&, Args& args) {
  return Value(Integer{floor_div(time_of(args, 0).ns, unit), "int64", nullptr});
}

Result<Value> truncate_time(const Environment&, Args& args) {
  const int64_t unit = duration_of(args, 1).ns;
  const int64_t ns = time_of(args, 0).ns;
  if (unit <= 0) return args[0];
  return Value(Time{wrapping_sub(ns, wrapping_sub(ns, floor_div(ns, unit) * unit))});
}

template <int64_t unit>
Result<Value> whole(const Environment&, Args& args) {
  return Value(Integer{duration_of(args, 0).ns / unit, "int64", nullptr});
}

template <int64_t unit>
Result<Value> fractional(const Environment&, Args& args) {
  const int64_t ns = duration_of(args, 0).ns;
  return Value(static_cast<double>(ns / unit) +
               static_cast<double>(ns % unit) / static_cast<double>(unit));
}

Result<Value> truncate_duration(const Environment&, Args& args) {
  const int64_t unit = duration_of(args, 1).ns;
  const int64_t ns = duration_of(args, 0).ns;
  return Value(Duration{unit <= 0 ? ns : ns - ns % unit});
}

/// Half away from zero.
Result<Value> round_duration(const Environment&, Args& args) {
  const int64_t unit = duration_of(args, 1).ns;
  const int64_t ns = duration_of(args, 0).ns;
  if (unit <= 0) return args[0];
  const int64_t rest = ns % unit;
  const int64_t down = ns - rest;
  const bool away = std::llabs(rest) >= unit - std::llabs(rest);
  return Value(Duration{!away ? down : wrapping_add(down, rest < 0 ? -unit : unit)});
}

const std::vector<FunctionDef>& time_methods() {
  static const std::vector<FunctionDef> all = {
      {"String",
       {},
       false,
       [](const Environment&, Args& a) -> Result<Value> {
         return Value(time_text(time_of(a, 0)));
       }},
      {"Format",
       {Param::kString},
       false,
       [](const Environment&, Args& a) -> Result<Value> {
         return Value(format_time(time_of(a, 0), *a[1].as<std::string>()));
       }},
      {"Add",
       {Param::kDuration},
       false,
       [](const Environment&, Args& a) -> Result<Value> {
         return Value(Time{wrapping_add(time_of(a, 0).ns, duration_of(a, 1).ns)});
       }},
      {"Sub",
       {Param::kTime},
       false,
       [](const Environment&, Args& a) -> Result<Value> {
         return Value(Duration{wrapping_sub(time_of(a, 0).ns, time_of(a, 1).ns)});
       }},
      {"Before",
       {Param::kTime},
       false,
       [](const Environment&, Args& a) -> Result<Value> {
         return Value(time_of(a, 0).ns < time_of(a, 1).ns);
       }},
      {"After",
       {Param::kTime},
       false,
       [](const Environment&, Args& a) -> Result<Value> {
         return Value(time_of(a, 0).ns > time_of(a, 1).ns);
       }},
      {"Equal",
       {Param::kTime},
       false,
       [](const Environment&, Args& a) -> Result<Value> {
         return Value(time_of(a, 0).ns == time_of(a, 1).ns);
       }},
      {"UTC", {}, false, [](const Environment&, Args& a) -> Result<Value> { return a[0]; }},
      {"Truncate", {Param::kDuration}, false, truncate_time},
      {"Year", {}, false, civil<&CivilTime::year>},
      {"Month", {}, false, month},
      {"Day", {}, false, civil<&CivilTime::day>},
      {"Weekday", {}, false, weekday},
      {"YearDay", {}, false, civil<&CivilTime::year_day>},
      {"Hour", {}, false, civil<&CivilTime::hour>},
      {"Minute", {}, false, civil<&CivilTime::minute>},
      {"Second", {}, false, civil<&CivilTime::second>},
      {"Nanosecond", {}, false, civil<&CivilTime::nanosecond>},
      {"Unix", {}, false, unix_time<1'000'000'000>},
      {"UnixMilli", {}, false, unix_time<1'000'000>},
      {"UnixMicro", {}, false, unix_time<1'000>},
      {"UnixNano", {}, false, unix_time<1>},
  };
  return all;
}

const std::vector<FunctionDef>& duration_methods() {
  static const std::vector<FunctionDef> all = {
      {"String",
       {},
       false,
       [](const Environment&, Args& a) -> Result<Value> {
         return Value(duration_text(duration_of(a, 0)));
       }},
      {"Hours", {}, false, fractional<3'600'000'000'000>},
      {"Minutes", {}, false, fractional<60'000'000'000>},
      {"Seconds", {}, false, fractional<1'000'000'000>},
      {"Milliseconds", {}, false, whole<1'000'000>},
      {"Microseconds", {}, false, whole<1'000>},
      {"Nanoseconds", {}, false, whole<1>},
      {"Abs",
       {},
       false,
       [](const Environment&, Args& a) -> Result<Value> {
         const int64_t ns = duration_of(a, 0).ns;
         const bool smallest = ns == std::numeric_limits<int64_t>::min();
         return Value(Duration{smallest ? std::numeric_limits<int64_t>::max() : std::llabs(ns)});
       }},
      {"Truncate", {Param::kDuration}, false, truncate_duration},
      {"Round", {Param::kDuration}, false, round_duration},
  };
  return all;
}

const std::vector<FunctionDef>& histogram_methods() {
  static const std::vector<FunctionDef> all = {
      {"String",
       {},
       false,
       [](const Environment&, Args& a) -> Result<Value> {
         return Value((*a[0].as<Value::HistogramPtr>())->to_string());
       }},
  };
  return all;
}

const FunctionDef* find_in(const std::vector<FunctionDef>& rows, std::string_view name) {
  for (const FunctionDef& row : rows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace

const FunctionDef* find_method(const Value& receiver, std::string_view name) {
  if (receiver.as<Time>() != nullptr) return find_in(time_methods(), name);
  if (receiver.as<Duration>() != nullptr) return find_in(duration_methods(), name);
  const auto* histogram = receiver.as<Value::HistogramPtr>();
  if (histogram != nullptr && *histogram) return find_in(histogram_methods(), name);
  return nullptr;
}

}  // namespace silverback::rules::text_template
