#include "base/duration.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <limits>

#include "base/go_quote.h"

namespace silverback::base {
namespace {

struct Unit {
  std::string_view name;
  int64_t ms;
};
constexpr std::array<Unit, 7> kUnits{{{"y", int64_t{365} * 24 * 3600 * 1000},
                                      {"w", int64_t{7} * 24 * 3600 * 1000},
                                      {"d", int64_t{24} * 3600 * 1000},
                                      {"h", 3600 * 1000},
                                      {"m", 60 * 1000},
                                      {"s", 1000},
                                      {"ms", 1}}};
// Go keeps durations as int64 nanoseconds: longer ones are out of range there.
constexpr int64_t kMaxMs = std::numeric_limits<int64_t>::max() / 1'000'000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool take_char(std::string_view& rest, char c) {
  if (rest.empty() || rest.front() != c) return false;
  rest.remove_prefix(1);
  return true;
}

bool take_number(std::string_view& rest, size_t digits, int& out) {
  if (rest.size() < digits) return false;
  out = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (!is_digit(rest[i])) return false;
    out = out * 10 + (rest[i] - '0');
  }
  rest.remove_prefix(digits);
  return true;
}

// `.123456` or nothing; whole milliseconds, the rest dropped.
bool take_fraction_ms(std::string_view& rest, int& ms) {
  ms = 0;
  if (rest.empty() || (rest.front() != '.' && rest.front() != ',')) return true;
  rest.remove_prefix(1);
  if (rest.empty() || !is_digit(rest.front())) return false;
  for (int weight = 100; !rest.empty() && is_digit(rest.front()); weight /= 10) {
    ms += (rest.front() - '0') * weight;
    rest.remove_prefix(1);
  }
  return true;
}

// Z, +hh:mm or -hh:mm.
bool take_offset(std::string_view& rest, int64_t& seconds) {
  seconds = 0;
  if (take_char(rest, 'Z')) return true;
  const bool west = !rest.empty() && rest.front() == '-';
  if (!take_char(rest, west ? '-' : '+')) return false;
  int hours = 0, minutes = 0;
  if (!take_number(rest, 2, hours) || !take_char(rest, ':') || !take_number(rest, 2, minutes))
    return false;
  if (hours > 23 || minutes > 59) return false;
  seconds = (hours * 60 + minutes) * (west ? -60 : 60);
  return true;
}

}  // namespace

Result<int64_t> parse_duration_ms(std::string_view text) {
  if (text == "0") return int64_t{0};
  if (text.empty()) return Status(Errc::kBadData, "empty duration string");
  const auto bad = [&] {
    return Status(Errc::kBadData, "not a valid duration string: " + go_quote(text));
  };
  std::string_view rest = text;
  int64_t total = 0;
  size_t next_unit = 0;
  while (!rest.empty()) {
    size_t digits = 0;
    while (digits < rest.size() && is_digit(rest[digits])) ++digits;
    size_t letters = digits;
    while (letters < rest.size() && !is_digit(rest[letters])) ++letters;
    if (digits == 0) return bad();
    const std::string_view name = rest.substr(digits, letters - digits);
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kUnits.size()) return bad();
    const int64_t unit_ms = kUnits[next_unit++].ms;
    int64_t count = 0;
    for (size_t i = 0; i < digits; ++i) {
      count = count * 10 + (rest[i] - '0');
      if (count > (kMaxMs - total) / unit_ms)
        return Status(Errc::kBadData, "duration out of range");
    }
    total += count * unit_ms;
    rest.remove_prefix(letters);
  }
  return total;
}

std::string format_duration(int64_t ms) {
  if (ms == 0) return "0s";
  std::string out;
  uint64_t left = static_cast<uint64_t>(ms);
  if (ms < 0) {
    out = "-";
    left = 0 - left;
  }
  for (const Unit& unit : kUnits) {
    const auto unit_ms = static_cast<uint64_t>(unit.ms);
    const bool exact_only = unit.name == "y" || unit.name == "w";
    if (left < unit_ms || (exact_only && left % unit_ms != 0)) continue;
    out += std::to_string(left / unit_ms);
    out += unit.name;
    left %= unit_ms;
  }
  return out;
}

std::string format_rfc3339_ms(int64_t ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> at{std::chrono::milliseconds(ms)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<std::chrono::milliseconds> time(at - day);
  char buf[64];
  const int n = std::snprintf(
      buf, sizeof buf, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return {buf, static_cast<size_t>(n)};
}

Result<int64_t> parse_rfc3339_ms(std::string_view text) {
  std::string_view rest = text;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0;
  int64_t offset_seconds = 0;
  const bool shape =
      take_number(rest, 4, year) && take_char(rest, '-') && take_number(rest, 2, month) &&
      take_char(rest, '-') && take_number(rest, 2, day) && take_char(rest, 'T') &&
      take_number(rest, 2, hour) && take_char(rest, ':') && take_number(rest, 2, minute) &&
      take_char(rest, ':') && take_number(rest, 2, second) && take_fraction_ms(rest, ms) &&
      take_offset(rest, offset_seconds) && rest.empty();
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!shape || !date.ok() || hour > 23 || minute > 59 || second > 59) {
    return Status(Errc::kBadData, "not a valid RFC 3339 time: " + go_quote(text));
  }
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const int64_t seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset_seconds;
  return seconds * 1000 + ms;
}

}  // namespace silverback::base
