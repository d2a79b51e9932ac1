#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace silverback::server {

enum class FlagKind : uint8_t { kBool, kString, kDuration, kBytes, kInt, kFloat, kChoice, kList };

/// What a flag does here.
enum class FlagSupport : uint8_t {
  kWorks,
  kNoEffect,     // accepted for compatibility; said once in the log when set
  kUnsupported,  // refused unless it has its default
};

/// One row of the flag table. It feeds parsing, --help and /api/v1/status/flags.
struct FlagDef {
  std::string_view name;  // without the dashes
  FlagKind kind;
  std::string_view default_value;  // as text
  std::string_view doc;
  std::string_view choices = {};  // kChoice: separated by '|'
  FlagSupport support = FlagSupport::kWorks;
  bool hidden = false;
};

/// Sorted by name.
std::span<const FlagDef> flag_table();
/// nullptr when there is none of that name.
const FlagDef* find_flag(std::string_view name);

/// The effective values of all flags. Threads: immutable once parsed.
class Flags {
 public:
  /// `args` without the program's name. Errors are worded as kingpin's: "unknown long flag '--x'".
  static base::Result<Flags> parse(const std::vector<std::string>& args);

  bool help() const { return help_; }
  bool version() const { return version_; }

  // Asking for a flag that is not in the table, or by another kind, is a programmer error.
  bool get_bool(std::string_view name) const;
  const std::string& get_string(std::string_view name) const;
  int64_t get_duration_ms(std::string_view name) const;
  uint64_t get_bytes(std::string_view name) const;
  int64_t get_int(std::string_view name) const;
  const std::vector<std::string>& get_list(std::string_view name) const;
  /// Given on the command line.
  bool is_set(std::string_view name) const;

  /// Every flag as status/flags shows it.
  std::map<std::string, std::string> effective() const;
  /// Names that were set but do nothing here.
  std::vector<std::string> without_effect() const;

 private:
  struct Value {
    const FlagDef* def = nullptr;
    bool set = false;
    std::string text;               // canonical
    int64_t number = 0;             // bool, ms, bytes, int
    std::vector<std::string> list;  // kList
  };
  Flags();
  const Value& value(std::string_view name, FlagKind kind) const;
  static base::Status assign(Value& value, const std::string& text);
  base::Status take(const std::vector<std::string>& args, size_t& i);
  base::Status check() const;

  std::map<std::string, Value, std::less<>> values_;
  bool help_ = false;
  bool version_ = false;
};

/// The text of --help.
std::string usage();

/// What --enable-feature switched on.
struct Features {
  bool promql_experimental_functions = false;
  bool promql_extended_range_selectors = false;
  bool promql_binop_fill_modifiers = false;
  bool promql_delayed_name_removal = false;
  bool extra_scrape_metrics = false;
  bool created_timestamp_zero_ingestion = false;
  bool concurrent_rule_eval = false;
  bool exemplar_storage = false;
  std::vector<std::string> not_built;  // valid in Prometheus, without effect here
  std::vector<std::string> unknown;
};
Features parse_features(const std::vector<std::string>& values);

/// A size as alecthomas/units reads it: "512MB" (base 2), "1.5GiB", "0". In bytes.
base::Result<uint64_t> parse_bytes(std::string_view text);
/// "512MiB", "0B": the largest unit that divides evenly.
std::string format_bytes(uint64_t bytes);

}  // namespace silverback::server
