#include <cmath>
#include <limits>

#include "promql/call.h"
#include "promql/function_impl.h"
#include "promql/selector_reader.h"

namespace silverback::promql {

namespace {

constexpr int64_t kDaySeconds = 86'400;

/// A UTC instant taken apart.
struct CivilTime {
  int64_t year = 1970;
  int month = 1, day = 1;  // from 1
  int hour = 0, minute = 0;
  int weekday = 4;   // 0 = Sunday
  int year_day = 1;  // from 1
  int month_days = 31;
};

bool is_leap(int64_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int days_of_month(int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[month - 1];
}

int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

CivilTime civil_time(int64_t seconds) {
  const int64_t days = floor_div(seconds, kDaySeconds);
  const int64_t of_day = seconds - days * kDaySeconds;
  CivilTime c;
  c.hour = static_cast<int>(of_day / 3600);
  c.minute = static_cast<int>(of_day / 60 % 60);
  c.weekday = static_cast<int>(((days % 7) + 11) % 7);  // 1970-01-01 was a Thursday
  // 400 years are 146,097 days; counted from 2000-01-01, the start of such a period.
  constexpr int64_t kPeriodDays = 146'097;
  int64_t rest = days - 10'957;
  const int64_t periods = floor_div(rest, kPeriodDays);
  rest -= periods * kPeriodDays;
  c.year = 2000 + periods * 400;
  while (true) {
    const int64_t length = is_leap(c.year) ? 366 : 365;
    if (rest < length) break;
    rest -= length;
    ++c.year;
  }
  c.year_day = static_cast<int>(rest) + 1;
  c.month = 1;
  int day = static_cast<int>(rest);
  while (day >= days_of_month(c.year, c.month)) day -= days_of_month(c.year, c.month++);
  c.day = day + 1;
  c.month_days = days_of_month(c.year, c.month);
  return c;
}

/// Go's conversion of a float to int64 on amd64: what does not fit becomes the smallest number.
int64_t to_int64(double v) {
  constexpr double kLimit = 9223372036854775808.0;
  if (!(v >= -kLimit && v < kLimit)) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(v);
}

using DatePart = double (*)(const CivilTime&);

template <DatePart part>
base::Result<StepValue> eval_date(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  if (expr.args.empty()) {
    StepValue value = ev.new_vector();
    StepSeries series(model::Labels(), grid.count());
    RETURN_IF_ERROR(ev.charge_series(value, series.labels, grid.count()));
    for (size_t i = 0; i < grid.count(); ++i) {
      series.set(i, part(civil_time(grid.at(i) / 1000)));
    }
    value.series.push_back(std::move(series));
    RETURN_IF_ERROR(ev.charge_samples(value));
    return value;
  }
  ASSIGN_OR_RETURN(StepValue value, ev.eval(*expr.args[0], grid));
  for (StepSeries& s : value.series) {
    for (size_t i = 0; i < s.steps(); ++i) {
      if (s.is_float(i)) {
        s.values[i] = part(civil_time(to_int64(s.values[i])));
      } else {
        s.clear(i);
      }
    }
    ev.drop_name(s);
  }
  remove_empty(value.series);
  RETURN_IF_ERROR(ev.unite_equal_labels(value, grid));
  return value;
}

double part_days_in_month(const CivilTime& c) {
  return c.month_days;
}
double part_day(const CivilTime& c) {
  return c.day;
}
double part_weekday(const CivilTime& c) {
  return c.weekday;
}
double part_year_day(const CivilTime& c) {
  return c.year_day;
}
double part_hour(const CivilTime& c) {
  return c.hour;
}
double part_minute(const CivilTime& c) {
  return c.minute;
}
double part_month(const CivilTime& c) {
  return c.month;
}
double part_year(const CivilTime& c) {
  return static_cast<double>(c.year);
}

base::Result<StepValue> finish_times(Evaluator& ev, const StepGrid& grid, StepValue value) {
  for (StepSeries& s : value.series) ev.drop_name(s);
  RETURN_IF_ERROR(ev.unite_equal_labels(value, grid));
  return value;
}

base::Result<StepValue> eval_timestamp(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  const Expr& argument = unwrap_parens(*expr.args[0]);
  if (argument.kind == ExprKind::kVectorSelector) {
    ASSIGN_OR_RETURN(StepValue value,
                     read_sample_times(ev, static_cast<const VectorSelector&>(argument).matchers,
                                       ev.plan().selector(argument), grid, SampleTime::kOwn));
    return finish_times(ev, grid, std::move(value));
  }
  ASSIGN_OR_RETURN(StepValue value, ev.eval(argument, grid));
  for (StepSeries& s : value.series) {
    for (size_t i = 0; i < s.steps(); ++i) {
      if (!s.has(i)) continue;
      s.clear(i);
      s.set(i, static_cast<double>(grid.at(i)) / 1000);
    }
  }
  return finish_times(ev, grid, std::move(value));
}

base::Result<StepValue> eval_start_timestamp(Evaluator& ev, const Call& expr,
                                             const StepGrid& grid) {
  const Expr& argument = unwrap_parens(*expr.args[0]);
  if (argument.kind != ExprKind::kVectorSelector || !ev.options().use_start_timestamps) {
    RETURN_IF_ERROR(ev.eval(argument, grid).status());
    return ev.new_vector();
  }
  ASSIGN_OR_RETURN(StepValue value,
                   read_sample_times(ev, static_cast<const VectorSelector&>(argument).matchers,
                                     ev.plan().selector(argument), grid, SampleTime::kStart));
  return finish_times(ev, grid, std::move(value));
}

}  // namespace

namespace impl {
const FunctionImpl day_of_month = {.call = &eval_date<&part_day>};
const FunctionImpl day_of_week = {.call = &eval_date<&part_weekday>};
const FunctionImpl day_of_year = {.call = &eval_date<&part_year_day>};
const FunctionImpl days_in_month = {.call = &eval_date<&part_days_in_month>};
const FunctionImpl hour = {.call = &eval_date<&part_hour>};
const FunctionImpl minute = {.call = &eval_date<&part_minute>};
const FunctionImpl month = {.call = &eval_date<&part_month>};
const FunctionImpl start_timestamp = {.call = &eval_start_timestamp};
const FunctionImpl timestamp = {.call = &eval_timestamp};
const FunctionImpl year = {.call = &eval_date<&part_year>};
}  // namespace impl

}  // namespace silverback::promql
