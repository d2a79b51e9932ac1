#include "rules/template/go_time.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace silverback::rules::text_template {

namespace {

constexpr int64_t kSecond = 1'000'000'000;

std::string padded(int64_t v, int width) {
  char buf[32];
  std::snprintf(buf, sizeof buf, "%0*lld", width, static_cast<long long>(v));
  return buf;
}

std::string blank_padded(int64_t v, int width) {
  char buf[32];
  std::snprintf(buf, sizeof buf, "%*lld", width, static_cast<long long>(v));
  return buf;
}

int hour12(int hour) {
  return hour % 12 == 0 ? 12 : hour % 12;
}

/// A part of a layout. Longer texts stand before their prefixes.
struct Part {
  std::string_view text;
  std::string (*format)(const CivilTime&);
};

constexpr Part kParts[] = {
    {"January", [](const CivilTime& c) { return std::string(month_name(c.month)); }},
    {"Jan", [](const CivilTime& c) { return std::string(month_name(c.month), 3); }},
    {"Monday", [](const CivilTime& c) { return std::string(weekday_name(c.weekday)); }},
    {"Mon", [](const CivilTime& c) { return std::string(weekday_name(c.weekday), 3); }},
    {"MST", [](const CivilTime&) { return std::string("UTC"); }},
    {"2006", [](const CivilTime& c) { return padded(c.year, 4); }},
    {"__2", [](const CivilTime& c) { return blank_padded(c.year_day, 3); }},
    {"002", [](const CivilTime& c) { return padded(c.year_day, 3); }},
    {"_2", [](const CivilTime& c) { return blank_padded(c.day, 2); }},
    {"01", [](const CivilTime& c) { return padded(c.month, 2); }},
    {"02", [](const CivilTime& c) { return padded(c.day, 2); }},
    {"03", [](const CivilTime& c) { return padded(hour12(c.hour), 2); }},
    {"04", [](const CivilTime& c) { return padded(c.minute, 2); }},
    {"05", [](const CivilTime& c) { return padded(c.second, 2); }},
    {"06", [](const CivilTime& c) { return padded(c.year % 100, 2); }},
    {"15", [](const CivilTime& c) { return padded(c.hour, 2); }},
    {"PM", [](const CivilTime& c) { return std::string(c.hour >= 12 ? "PM" : "AM"); }},
    {"pm", [](const CivilTime& c) { return std::string(c.hour >= 12 ? "pm" : "am"); }},
    {"Z07:00:00", [](const CivilTime&) { return std::string("Z"); }},
    {"Z070000", [](const CivilTime&) { return std::string("Z"); }},
    {"Z07:00", [](const CivilTime&) { return std::string("Z"); }},
    {"Z0700", [](const CivilTime&) { return std::string("Z"); }},
    {"Z07", [](const CivilTime&) { return std::string("Z"); }},
    {"-07:00:00", [](const CivilTime&) { return std::string("+00:00:00"); }},
    {"-070000", [](const CivilTime&) { return std::string("+000000"); }},
    {"-07:00", [](const CivilTime&) { return std::string("+00:00"); }},
    {"-0700", [](const CivilTime&) { return std::string("+0000"); }},
    {"-07", [](const CivilTime&) { return std::string("+00"); }},
    {"1", [](const CivilTime& c) { return std::to_string(c.month); }},
    {"2", [](const CivilTime& c) { return std::to_string(c.day); }},
    {"3", [](const CivilTime& c) { return std::to_string(hour12(c.hour)); }},
    {"4", [](const CivilTime& c) { return std::to_string(c.minute); }},
    {"5", [](const CivilTime& c) { return std::to_string(c.second); }},
};

/// ".000" or ",999": fraction with fixed or trimmed digits; the length taken from the layout, 0 if
/// it is none.
size_t fraction(std::string_view layout, const CivilTime& c, std::string& out) {
  if (layout.size() < 2 || (layout[0] != '.' && layout[0] != ',')) return 0;
  const char digit = layout[1];
  if (digit != '0' && digit != '9') return 0;
  size_t end = 1;
  while (end < layout.size() && layout[end] == digit) ++end;
  if (end < layout.size() && layout[end] >= '0' && layout[end] <= '9') return 0;
  std::string digits = padded(c.nanosecond, 9).substr(0, std::min<size_t>(end - 1, 9));
  if (digit == '9') {
    while (!digits.empty() && digits.back() == '0') digits.pop_back();
    if (digits.empty()) return end;
  }
  out += layout[0];
  out += digits;
  return end;
}

}  // namespace

const char* month_name(int month) {
  static constexpr const char* kNames[] = {"January",   "February", "March",    "April",
                                           "May",       "June",     "July",     "August",
                                           "September", "October",  "November", "December"};
  return kNames[(month - 1) % 12];
}

const char* weekday_name(int weekday) {
  static constexpr const char* kNames[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                           "Thursday", "Friday", "Saturday"};
  return kNames[weekday % 7];
}

CivilTime civil_time(Time t) {
  namespace chr = std::chrono;
  int64_t seconds = t.ns / kSecond;
  int64_t nanos = t.ns % kSecond;
  if (nanos < 0) {
    nanos += kSecond;
    --seconds;
  }
  int64_t day_number = seconds / 86400;
  int64_t in_day = seconds % 86400;
  if (in_day < 0) {
    in_day += 86400;
    --day_number;
  }
  const chr::sys_days days{chr::days(day_number)};
  const chr::year_month_day ymd(days);
  CivilTime c;
  c.year = static_cast<int>(ymd.year());
  c.month = static_cast<int>(static_cast<unsigned>(ymd.month()));
  c.day = static_cast<int>(static_cast<unsigned>(ymd.day()));
  c.hour = static_cast<int>(in_day / 3600);
  c.minute = static_cast<int>(in_day / 60 % 60);
  c.second = static_cast<int>(in_day % 60);
  c.nanosecond = static_cast<int>(nanos);
  c.weekday = static_cast<int>(chr::weekday(days).c_encoding());
  c.year_day = static_cast<int>((days - chr::sys_days(ymd.year() / 1 / 1)).count()) + 1;
  return c;
}

std::string format_time(Time t, std::string_view layout) {
  const CivilTime c = civil_time(t);
  std::string out;
  while (!layout.empty()) {
    const Part* found = nullptr;
    for (const Part& part : kParts) {
      if (!layout.starts_with(part.text)) continue;
      // "Jan" of "January" is listed behind it; "Janet" is not a month in Go: a lower-case letter
      // ends neither "Jan" nor "Mon".
      const bool word = part.text == "Jan" || part.text == "Mon";
      if (word && layout.size() > 3 && layout[3] >= 'a' && layout[3] <= 'z') continue;
      // "_2006" is an underscore before the year.
      if (part.text == "_2" && layout.starts_with("_2006")) continue;
      found = &part;
      break;
    }
    if (found != nullptr) {
      out += found->format(c);
      layout.remove_prefix(found->text.size());
      continue;
    }
    const size_t taken = fraction(layout, c, out);
    if (taken == 0) out += layout[0];
    layout.remove_prefix(std::max<size_t>(taken, 1));
  }
  return out;
}

std::string time_text(Time t) {
  return format_time(t, "2006-01-02 15:04:05.999999999 -0700 MST");
}

std::string duration_text(Duration d) {
  if (d.ns == 0) return "0s";
  const bool negative = d.ns < 0;
  const uint64_t ns = negative ? 0 - static_cast<uint64_t>(d.ns) : static_cast<uint64_t>(d.ns);
  std::string out = negative ? "-" : "";
  // `value` in units of 10^-digits, trailing zeros of the fraction dropped.
  const auto decimal = [](uint64_t value, int digits) {
    uint64_t scale = 1;
    for (int i = 0; i < digits; ++i) scale *= 10;
    std::string text = std::to_string(value / scale);
    std::string part = padded(static_cast<int64_t>(value % scale), digits);
    while (!part.empty() && part.back() == '0') part.pop_back();
    return part.empty() || digits == 0 ? text : text + "." + part;
  };
  if (ns < 1000) return out + std::to_string(ns) + "ns";
  if (ns < 1'000'000) return out + decimal(ns, 3) + "\xC2\xB5s";
  if (ns < static_cast<uint64_t>(kSecond)) return out + decimal(ns, 6) + "ms";
  const uint64_t minutes = ns / 60'000'000'000;
  if (minutes >= 60) out += std::to_string(minutes / 60) + "h";
  if (minutes > 0) out += std::to_string(minutes % 60) + "m";
  return out + decimal(ns % 60'000'000'000, 9) + "s";
}

}  // namespace silverback::rules::text_template
