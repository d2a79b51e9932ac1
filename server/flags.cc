#include "server/flags.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/go_float.h"

namespace silverback::server {

using base::Errc;
using base::Result;
using base::Status;

namespace {

struct Unit {
  std::string_view name;
  int shift;
};
constexpr std::array<Unit, 7> kUnits = {Unit{"E", 60}, Unit{"P", 50}, Unit{"T", 40}, Unit{"G", 30},
                                        Unit{"M", 20}, Unit{"K", 10}, Unit{"", 0}};

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(by), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

Status bad(std::string message) {
  return Status(Errc::kBadData, std::move(message));
}

Result<int64_t> parse_whole(const std::string& text) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [at, ec] = std::from_chars(text.data(), end, number);
  if (ec != std::errc() || at != end) {
    return bad(fmt::format("strconv.ParseInt: parsing \"{}\": invalid syntax", text));
  }
  return number;
}

}  // namespace

Result<uint64_t> parse_bytes(std::string_view text) {
  const std::string whole(text);
  if (text == "0") return uint64_t{0};
  size_t digits = 0;
  while (digits < text.size() &&
         ((text[digits] >= '0' && text[digits] <= '9') || text[digits] == '.')) {
    ++digits;
  }
  const std::optional<double> number = base::parse_go_float(text.substr(0, digits));
  if (!number) return bad(fmt::format("invalid size \"{}\"", whole));
  std::string_view unit = text.substr(digits);
  if (unit.empty() || unit.back() != 'B') {
    return bad(fmt::format("unknown or missing unit in size \"{}\"", whole));
  }
  unit.remove_suffix(1);
  if (unit.size() == 2 && unit.back() == 'i') unit.remove_suffix(1);
  for (const Unit& known : kUnits) {
    if (known.name != unit) continue;
    const double bytes = std::ldexp(*number, known.shift);
    if (bytes >= 9223372036854775807.0) return bad(fmt::format("size \"{}\" is too large", whole));
    return static_cast<uint64_t>(bytes);
  }
  return bad(fmt::format("unknown or missing unit in size \"{}\"", whole));
}

std::string format_bytes(uint64_t bytes) {
  if (bytes == 0) return "0B";
  for (const Unit& unit : kUnits) {
    const uint64_t size = uint64_t{1} << unit.shift;
    if (bytes % size != 0) continue;
    return fmt::format("{}{}{}B", bytes / size, unit.name, unit.shift > 0 ? "i" : "");
  }
  return fmt::format("{}B", bytes);
}

Flags::Flags() {
  for (const FlagDef& def : flag_table()) {
    Value value;
    value.def = &def;
    const Status status = assign(value, std::string(def.default_value));
    assert(status.is_ok());
    status.permit_unchecked("a test checks every default of the table");
    values_.emplace(std::string(def.name), std::move(value));
  }
}

Status Flags::assign(Value& value, const std::string& text) {
  value.text = text;
  switch (value.def->kind) {
    case FlagKind::kBool:
      if (text != "true" && text != "false") return bad(fmt::format("unexpected {}", text));
      value.number = text == "true" ? 1 : 0;
      break;
    case FlagKind::kDuration: {
      ASSIGN_OR_RETURN(value.number, base::parse_duration_ms(text));
      value.text = base::format_duration(value.number);
      break;
    }
    case FlagKind::kBytes: {
      ASSIGN_OR_RETURN(const uint64_t bytes, parse_bytes(text));
      value.number = static_cast<int64_t>(bytes);
      value.text = format_bytes(bytes);
      break;
    }
    case FlagKind::kInt: {
      ASSIGN_OR_RETURN(value.number, parse_whole(text));
      if (value.number < 0) return bad(fmt::format("{} must not be negative", text));
      break;
    }
    case FlagKind::kFloat:
      if (!base::parse_go_float(text)) {
        return bad(fmt::format("strconv.ParseFloat: parsing \"{}\": invalid syntax", text));
      }
      break;
    case FlagKind::kChoice: {
      const std::vector<std::string> choices = split(value.def->choices, '|');
      if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
        return bad(
            fmt::format("enum value must be one of {}, got '{}'", fmt::join(choices, ","), text));
      }
      break;
    }
    case FlagKind::kList:
      if (!value.set) value.list.clear();  // the default goes with the first given value
      if (!text.empty()) value.list.push_back(text);
      break;
    case FlagKind::kString: break;
  }
  return {};
}

Status Flags::take(const std::vector<std::string>& args, size_t& i) {
  const std::string& arg = args[i++];
  if (arg == "-h" || arg == "--help" || arg == "--help-long" || arg == "--help-man") {
    help_ = true;
    return {};
  }
  if (arg == "--version") {
    version_ = true;
    return {};
  }
  if (arg.rfind("--", 0) != 0) {
    if (arg.size() > 1 && arg[0] == '-') return bad(fmt::format("unknown short flag '{}'", arg));
    return bad(fmt::format("unexpected {}", arg));
  }
  const size_t equals = arg.find('=');
  const std::string token = arg.substr(0, equals);
  std::string name = token.substr(2);
  auto it = values_.find(name);
  bool invert = false;
  if (it == values_.end() && name.rfind("no-", 0) == 0) {
    it = values_.find(name.substr(3));
    invert = it != values_.end();
  }
  if (it == values_.end() || (invert && it->second.def->kind != FlagKind::kBool)) {
    return bad(fmt::format("unknown long flag '{}'", token));
  }
  Value& value = it->second;
  std::string text;
  if (equals != std::string::npos) {
    text = arg.substr(equals + 1);
    if (invert) return bad(fmt::format("unexpected {}", text));
  } else if (value.def->kind == FlagKind::kBool) {
    text = invert ? "false" : "true";
  } else if (i < args.size() && (args[i].empty() || args[i][0] != '-')) {
    text = args[i++];
  } else {
    return bad(fmt::format("expected argument for flag '{}'", token));
  }
  RETURN_IF_ERROR(assign(value, text));
  value.set = true;
  return {};
}

Status Flags::check() const {
  for (const auto& [name, value] : values_) {
    if (value.def->support != FlagSupport::kUnsupported || !value.set) continue;
    Value standard;
    standard.def = value.def;
    RETURN_IF_ERROR(assign(standard, std::string(value.def->default_value)));
    if (standard.text == value.text) continue;
    if (name.rfind("storage.agent.", 0) == 0) {
      return Status(
          Errc::kUnsupported,
          fmt::format("flag '--{}' can only be used in agent mode, which is not supported yet",
                      name));
    }
    return Status(Errc::kUnsupported, fmt::format("flag '--{}': not supported yet", name));
  }
  return {};
}

Result<Flags> Flags::parse(const std::vector<std::string>& args) {
  Flags flags;
  for (size_t i = 0; i < args.size();) RETURN_IF_ERROR(flags.take(args, i));
  if (!flags.help_ && !flags.version_) RETURN_IF_ERROR(flags.check());
  return flags;
}

const Flags::Value& Flags::value(std::string_view name, FlagKind kind) const {
  const auto it = values_.find(name);
  assert(it != values_.end() &&
         (it->second.def->kind == kind ||
          (kind == FlagKind::kString && it->second.def->kind == FlagKind::kChoice)));
  static_cast<void>(kind);
  return it->second;
}

bool Flags::get_bool(std::string_view name) const {
  return value(name, FlagKind::kBool).number != 0;
}
const std::string& Flags::get_string(std::string_view name) const {
  return value(name, FlagKind::kString).text;
}
int64_t Flags::get_duration_ms(std::string_view name) const {
  return value(name, FlagKind::kDuration).number;
}
uint64_t Flags::get_bytes(std::string_view name) const {
  return static_cast<uint64_t>(value(name, FlagKind::kBytes).number);
}
int64_t Flags::get_int(std::string_view name) const {
  return value(name, FlagKind::kInt).number;
}
const std::vector<std::string>& Flags::get_list(std::string_view name) const {
  return value(name, FlagKind::kList).list;
}
bool Flags::is_set(std::string_view name) const {
  const auto it = values_.find(name);
  return it != values_.end() && it->second.set;
}

std::map<std::string, std::string> Flags::effective() const {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : values_) {
    out[name] = value.def->kind == FlagKind::kList ? fmt::format("{}", fmt::join(value.list, ","))
                                                   : value.text;
  }
  return out;
}

std::vector<std::string> Flags::without_effect() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : values_) {
    if (value.set && value.def->support == FlagSupport::kNoEffect) names.push_back(name);
  }
  return names;
}

std::string usage() {
  std::string out =
      "usage: silverback [<flags>]\n\n"
      "The Silverback monitoring server\n\n\nFlags:\n"
      "  -h, --help\n      Show this help.\n"
      "      --version\n      Show the version.\n";
  for (const FlagDef& def : flag_table()) {
    if (def.hidden) continue;
    const std::string dashes = def.kind == FlagKind::kBool ? "--[no-]" : "--";
    std::string value;
    if (def.kind != FlagKind::kBool) {
      value = def.default_value.empty() ? "=..." : fmt::format("={}", def.default_value);
      if (def.kind == FlagKind::kList) value += " ...";
    }
    out += fmt::format("      {}{}{}\n      {}", dashes, def.name, value, def.doc);
    if (!def.choices.empty()) {
      out += fmt::format(" One of: [{}]", fmt::join(split(def.choices, '|'), ", "));
    }
    if (def.support == FlagSupport::kNoEffect) out += " Accepted, without effect here.";
    if (def.support == FlagSupport::kUnsupported) out += " Not supported yet.";
    out += '\n';
  }
  return out;
}

Features parse_features(const std::vector<std::string>& values) {
  struct Row {
    std::string_view name;
    bool Features::*member;  // nullptr: valid in Prometheus, not built here
  };
  static constexpr Row kRows[] = {
      {"promql-experimental-functions", &Features::promql_experimental_functions},
      {"promql-extended-range-selectors", &Features::promql_extended_range_selectors},
      {"promql-binop-fill-modifiers", &Features::promql_binop_fill_modifiers},
      {"promql-delayed-name-removal", &Features::promql_delayed_name_removal},
      {"extra-scrape-metrics", &Features::extra_scrape_metrics},
      {"concurrent-rule-eval", &Features::concurrent_rule_eval},
      {"exemplar-storage", &Features::exemplar_storage},
      {"created-timestamp-zero-ingestion", &Features::created_timestamp_zero_ingestion},
      {"delayed-compaction", nullptr},
      {"histograms-st-encoding", nullptr},
      {"memory-snapshot-on-shutdown", nullptr},
      {"metadata-wal-records", nullptr},
      {"old-ui", nullptr},
      {"otlp-deltatocumulative", nullptr},
      {"otlp-native-delta-ingestion", nullptr},
      {"promql-per-step-stats", nullptr},
      {"search-api", nullptr},
      {"st-storage", nullptr},
      {"st-synthesis", nullptr},
      {"type-and-unit-labels", nullptr},
      {"use-start-timestamps", nullptr},
      {"use-uncached-io", nullptr},
      {"xor2-encoding", nullptr},
  };
  Features features;
  for (const std::string& value : values) {
    for (const std::string& name : split(value, ',')) {
      if (name.empty()) continue;
      const Row* row = std::find_if(std::begin(kRows), std::end(kRows),
                                    [&](const Row& r) { return r.name == name; });
      if (row == std::end(kRows)) {
        features.unknown.push_back(name);
      } else if (row->member == nullptr) {
        features.not_built.push_back(name);
      } else {
        features.*row->member = true;
      }
    }
  }
  return features;
}

}  // namespace silverback::server
