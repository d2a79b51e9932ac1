#include "base/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/go_float.h"

namespace silverback::base {
namespace {

constexpr std::array<std::string_view, 11> kTrue{"y",    "Y",    "yes", "Yes", "YES", "true",
                                                 "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse{"n",     "N",     "no",  "No",  "NO", "false",
                                                  "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 5> kNull{"", "~", "null", "Null", "NULL"};

template <size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string without_underscores(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '_') out += c;
  }
  return out;
}

// Magnitude in Go's base 0.
std::optional<uint64_t> parse_base0(std::string_view s) {
  int base = 10;
  if (s.size() > 1 && s[0] == '0') {
    const char c = s[1];
    base = c == 'x' || c == 'X' ? 16 : c == 'b' || c == 'B' ? 2 : 8;
    s.remove_prefix(c == 'x' || c == 'X' || c == 'b' || c == 'B' || c == 'o' || c == 'O' ? 2 : 1);
  }
  uint64_t v = 0;
  const auto [ptr, ec] = std::from_chars(s.data(), s.data() + s.size(), v, base);
  if (s.empty() || ec != std::errc() || ptr != s.data() + s.size()) return std::nullopt;
  return v;
}

// [-+]? (digits [. digits] | . digits) [e[-+]digits]: the only floats that Go's YAML knows.
bool has_float_shape(std::string_view s) {
  size_t i = !s.empty() && (s[0] == '-' || s[0] == '+') ? 1 : 0;
  size_t digits = 0;
  for (; i < s.size() && is_digit(s[i]); ++i) ++digits;
  if (i < s.size() && s[i] == '.') {
    for (++i; i < s.size() && is_digit(s[i]); ++i) ++digits;
  }
  if (digits == 0) return false;
  if (i == s.size()) return true;
  if (s[i] != 'e' && s[i] != 'E') return false;
  ++i;
  if (i < s.size() && (s[i] == '-' || s[i] == '+')) ++i;
  return i < s.size() && std::all_of(s.begin() + static_cast<std::ptrdiff_t>(i), s.end(), is_digit);
}

// 2026-01-02 and longer: Go's YAML would make a time of it.
bool looks_like_timestamp(std::string_view s) {
  if (s.size() < 8 || !std::all_of(s.begin(), s.begin() + 4, is_digit) || s[4] != '-') return false;
  return is_digit(s[5]) && s.find('-', 6) <= 7;
}

// 1:20 was twenty past one in YAML 1.1: Go quotes it.
bool is_base60(std::string_view s) {
  if (s.find(':') == std::string_view::npos) return false;
  return std::all_of(s.begin(), s.end(), [](char c) {
    return is_digit(c) || std::string_view("+-:._").find(c) != std::string_view::npos;
  });
}

bool has_special_bytes(std::string_view s) {
  return std::any_of(s.begin(), s.end(), [](char c) {
    const auto b = static_cast<unsigned char>(c);
    return (b < 0x20 && c != '\n') || b == 0x7f;
  });
}

bool can_be_plain(std::string_view s) {
  if (s.empty() || s.front() == ' ' || s.back() == ' ' || s.find('\n') != std::string_view::npos)
    return false;
  if (s.substr(0, 3) == "---" || s.substr(0, 3) == "...") return false;
  if (std::string_view("#,[]{}&*!|>'\"%@`").find(s[0]) != std::string_view::npos) return false;
  const bool lone_indicator = s.size() == 1 || s[1] == ' ';
  if ((s[0] == '-' || s[0] == '?' || s[0] == ':') && lone_indicator) return false;
  if (s.find(": ") != std::string_view::npos || s.find(" #") != std::string_view::npos)
    return false;
  return s.back() != ':';
}

std::string double_quoted(std::string_view s) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : s) {
    const auto b = static_cast<unsigned char>(c);
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (b < 0x20 || b == 0x7f) {
          out += "\\x";
          out += kHex[b >> 4];
          out += kHex[b & 0xf];
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

std::string single_quoted(std::string_view s) {
  std::string out = "'";
  for (const char c : s) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + '\'';
}

std::string literal_block(std::string_view s, size_t indent) {
  std::string out = "|";
  if (s.front() == ' ' || s.front() == '\n') out += '2';
  if (s.back() != '\n') {
    out += '-';
  } else if (s.size() == 1 || s[s.size() - 2] == '\n') {
    out += '+';
  }
  const bool ends_with_break = s.back() == '\n';
  if (ends_with_break) s.remove_suffix(1);
  for (size_t start = 0; start <= s.size();) {
    const size_t end = std::min(s.find('\n', start), s.size());
    out += '\n';
    if (end > start) {
      out.append(indent, ' ');
      out += s.substr(start, end - start);
    }
    start = end + 1;
  }
  return out;
}

struct ByteUnit {
  std::string_view name;
  int shift;
};
constexpr std::array<ByteUnit, 13> kByteUnits{{{"B", 0},
                                               {"KiB", 10},
                                               {"MiB", 20},
                                               {"GiB", 30},
                                               {"TiB", 40},
                                               {"PiB", 50},
                                               {"EiB", 60},
                                               {"KB", 10},
                                               {"MB", 20},
                                               {"GB", 30},
                                               {"TB", 40},
                                               {"PB", 50},
                                               {"EB", 60}}};

}  // namespace

YamlScalarKind resolve_yaml_scalar(std::string_view text) {
  if (is_one_of(text, kNull)) return YamlScalarKind::kNull;
  if (text == "<<") return YamlScalarKind::kMerge;
  if (yaml_bool(text)) return YamlScalarKind::kBool;
  if (yaml_int(text) || yaml_uint(text)) return YamlScalarKind::kInt;
  if (yaml_float(text)) return YamlScalarKind::kFloat;
  if (looks_like_timestamp(text)) return YamlScalarKind::kTimestamp;
  return YamlScalarKind::kString;
}

std::string_view yaml_tag(YamlScalarKind kind) {
  switch (kind) {
    case YamlScalarKind::kNull: return "!!null";
    case YamlScalarKind::kBool: return "!!bool";
    case YamlScalarKind::kInt: return "!!int";
    case YamlScalarKind::kFloat: return "!!float";
    case YamlScalarKind::kTimestamp: return "!!timestamp";
    case YamlScalarKind::kMerge: return "!!merge";
    case YamlScalarKind::kString: return "!!str";
  }
  return "!!str";
}

std::optional<bool> yaml_bool(std::string_view text) {
  if (is_one_of(text, kTrue)) return true;
  if (is_one_of(text, kFalse)) return false;
  return std::nullopt;
}

std::optional<int64_t> yaml_int(std::string_view text) {
  std::string plain = without_underscores(text);
  std::string_view digits = plain;
  const bool negative = !digits.empty() && digits[0] == '-';
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
  const auto magnitude = parse_base0(digits);
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!magnitude || *magnitude > kMax + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<int64_t>(negative ? 0 - *magnitude : *magnitude);
}

std::optional<uint64_t> yaml_uint(std::string_view text) {
  return parse_base0(without_underscores(text));
}

std::optional<double> yaml_float(std::string_view text) {
  std::string_view word = text;
  const bool negative = !word.empty() && word[0] == '-';
  if (!word.empty() && (word[0] == '-' || word[0] == '+')) word.remove_prefix(1);
  if (word == ".inf" || word == ".Inf" || word == ".INF") {
    return negative ? -std::numeric_limits<double>::infinity()
                    : std::numeric_limits<double>::infinity();
  }
  if (text == ".nan" || text == ".NaN" || text == ".NAN")
    return std::numeric_limits<double>::quiet_NaN();
  const std::string plain = without_underscores(text);
  if (!has_float_shape(plain)) return std::nullopt;
  return parse_go_float(plain);
}

Result<uint64_t> parse_byte_size(std::string_view text) {
  const auto bad = [&](const std::string& why) { return Status(Errc::kBadData, "units: " + why); };
  if (text == "0") return uint64_t{0};
  if (text.empty()) return bad("invalid ");
  double total = 0;
  std::string_view rest = text;
  if (rest[0] == '+') rest.remove_prefix(1);
  while (!rest.empty()) {
    size_t number = 0;
    while (number < rest.size() && (is_digit(rest[number]) || rest[number] == '.')) ++number;
    const auto value = parse_sample_value(rest.substr(0, number));
    if (number == 0 || !value) return bad("invalid " + std::string(text));
    size_t end = number;
    while (end < rest.size() && !is_digit(rest[end]) && rest[end] != '.') ++end;
    const std::string_view name = rest.substr(number, end - number);
    const auto* unit = std::find_if(kByteUnits.begin(), kByteUnits.end(),
                                    [&](const ByteUnit& u) { return u.name == name; });
    if (unit == kByteUnits.end())
      return bad("unknown unit " + std::string(name) + " in " + std::string(text));
    total += std::ldexp(*value, unit->shift);
    rest.remove_prefix(end);
  }
  if (total >= std::ldexp(1.0, 63)) return bad("overflow parsing unit");
  return static_cast<uint64_t>(total);
}

std::string format_byte_size(uint64_t bytes) {
  constexpr std::string_view kLetters = "EPTGMK";
  std::string out;
  for (size_t i = 0; i <= kLetters.size(); ++i) {
    const auto shift = static_cast<unsigned>(10 * (kLetters.size() - i));
    const uint64_t part = shift == 60 ? bytes >> shift : (bytes >> shift) & 1023;
    if (part == 0) continue;
    out += std::to_string(part);
    if (i < kLetters.size()) {
      out += kLetters[i];
      out += 'i';
    }
    out += 'B';
  }
  return out.empty() ? "0B" : out;
}

std::string quote_yaml_scalar(std::string_view text, size_t indent) {
  if (has_special_bytes(text)) return double_quoted(text);
  if (resolve_yaml_scalar(text) != YamlScalarKind::kString || is_base60(text))
    return double_quoted(text);
  if (can_be_plain(text)) return std::string(text);
  if (text.find('\n') != std::string_view::npos) {
    const bool blank_lines_with_spaces =
        text.find(" \n") != std::string_view::npos || text.back() == ' ';
    const bool only_breaks = text.find_first_not_of('\n') == std::string_view::npos;
    return blank_lines_with_spaces || only_breaks ? double_quoted(text)
                                                  : literal_block(text, indent);
  }
  return single_quoted(text);
}

std::string quote_yaml_flow_scalar(std::string_view text) {
  if (text.find('\n') != std::string_view::npos) return double_quoted(text);
  std::string out = quote_yaml_scalar(text, 0);
  const bool plain = out == text;
  return plain && text.find_first_of(",?:[]{}") != std::string_view::npos ? single_quoted(text)
                                                                          : out;
}

}  // namespace silverback::base
