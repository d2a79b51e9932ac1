#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "rules/template/value.h"

namespace silverback::rules::text_template {

/// A UTC instant taken apart.
struct CivilTime {
  int64_t year = 1970;
  int month = 1, day = 1;  // from 1
  int hour = 0, minute = 0, second = 0, nanosecond = 0;
  int weekday = 4;   // 0 = Sunday
  int year_day = 1;  // from 1
};
CivilTime civil_time(Time t);

/// Go's time.Time.Format for UTC: the reference time's parts in `layout` are replaced.
std::string format_time(Time t, std::string_view layout);

const char* month_name(int month);      // 1 = January
const char* weekday_name(int weekday);  // 0 = Sunday

}  // namespace silverback::rules::text_template
