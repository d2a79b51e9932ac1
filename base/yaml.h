#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace silverback::base {

/// A node of a parsed YAML document, with the line it stands on. Cheap to copy; keeps the document
/// alive. Duplicate keys are refused while parsing; merge keys (<<) are applied.
/// Errors read "file:line: message".
class YamlNode {
 public:
  struct Entry;

  YamlNode() = default;  // null node
  bool is_null() const;
  bool is_scalar() const;
  bool is_sequence() const;
  bool is_map() const;
  int line() const;  // 1-based

  /// "file:line: message" as kBadData.
  Status error(std::string_view message) const;
  /// kUnsupported: "file:line: what: not supported yet".
  Status unsupported(std::string_view what) const;
  /// "file:line: cannot unmarshal !!str `abc` into <wanted>", the words of Go's YAML.
  Status mismatch(std::string_view wanted) const;

  Result<std::string> as_string() const;  // any scalar; "" for null
  Result<bool> as_bool() const;           // YAML 1.1 words, as Go's yaml.v2
  Result<int64_t> as_int() const;
  Result<uint64_t> as_uint() const;
  Result<double> as_double() const;
  /// Prometheus duration ("1h30m", "0"); in ms.
  Result<int64_t> as_duration_ms() const;
  /// Prometheus byte size ("10MB", "512KiB", "0"); in bytes.
  Result<uint64_t> as_bytes() const;
  Result<std::vector<std::string>> as_string_list() const;
  /// Map of scalars, in order of appearance.
  Result<std::vector<std::pair<std::string, std::string>>> as_string_map() const;

  std::vector<YamlNode> items() const;  // empty unless a sequence
  std::vector<Entry> entries() const;   // empty unless a map

 private:
  friend class YamlDocument;
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

struct YamlNode::Entry {
  std::string key;
  YamlNode key_node;
  YamlNode value;
};

/// Parses one document (JSON is taken too). `file` is the name errors carry.
Result<YamlNode> parse_yaml(std::string_view text, std::string file);

/// Reads the fields of a map strictly: each known field once, then finish() refuses the rest.
/// A missing or null field leaves its target as it is and is OK.
///   YamlFields f(node, "scrape_config");
///   f.read("job_name", cfg.job_name);  f.read_duration("scrape_interval", cfg.interval_ms);
///   RETURN_IF_ERROR(f.finish());
/// The first error is kept; later reads do nothing.
class YamlFields {
 public:
  /// `type_name` appears in "field x not found in type <type_name>".
  YamlFields(const YamlNode& map, std::string type_name);

  void read(std::string_view key, std::string& out);
  void read(std::string_view key, bool& out);
  void read(std::string_view key, int64_t& out);
  void read(std::string_view key, uint64_t& out);
  void read(std::string_view key, double& out);
  void read(std::string_view key, Secret& out);
  void read(std::string_view key, std::vector<std::string>& out);
  void read(std::string_view key, std::vector<std::pair<std::string, std::string>>& out);
  void read_duration(std::string_view key, int64_t& out_ms);
  void read_bytes(std::string_view key, uint64_t& out_bytes);
  /// Calls `fn` with the value when the field is there and not null; its error becomes ours.
  void read(std::string_view key, const std::function<Status(const YamlNode&)>& fn);
  /// A field that is valid in Prometheus but not built here: refused unless null, empty or equal
  /// to one of `defaults` (scalar text).
  void unsupported(std::string_view key, std::vector<std::string> defaults = {});

  /// The node of a field that is there and not null; marks it as known.
  std::optional<YamlNode> take(std::string_view key);
  /// Records an error (kept if it is the first).
  void fail(Status status);

  /// First error, or the first unknown field, or OK.
  Status finish();

 private:
  YamlNode map_;
  std::string type_name_;
  std::vector<YamlNode::Entry> entries_;
  std::vector<bool> seen_;
  Status status_;
};

/// Builds block-style YAML text, for `status/config`. Keys in call order; strings quoted when
/// needed.
class YamlWriter {
 public:
  void key_value(std::string_view key, std::string_view value);
  void key_value(std::string_view key, const char* value) {
    key_value(key, std::string_view(value));
  }
  void key_value(std::string_view key, bool value);
  void key_value(std::string_view key, int64_t value);
  void key_value(std::string_view key, uint64_t value);
  void key_value(std::string_view key, double value);
  /// "<secret>", or nothing when empty.
  void key_value(std::string_view key, const Secret& value);
  void key_duration(std::string_view key, int64_t ms);
  void key_bytes(std::string_view key, uint64_t bytes);
  void key_list(std::string_view key,
                const std::vector<std::string>& values);  // nothing when empty
  /// `key: [a, b]`; nothing when empty.
  void key_flow_list(std::string_view key, const std::vector<std::string>& values);
  /// Nested map or list under a key; `body` writes its content.
  void begin_map(std::string_view key);
  void end_map();
  void begin_list(std::string_view key);
  void begin_item();  // a map as list item
  void end_item();
  void item(std::string_view scalar);
  void end_list();
  /// Empty maps and lists that were begun read "{}" and "[]".
  std::string take() { return std::move(out_); }

 private:
  void indent();
  void key(std::string_view key);
  void scalar(std::string_view text);
  void open(std::string_view key);
  void close(const char* when_empty);
  std::string out_;
  size_t depth_ = 0;
  bool item_start_ = false;     // "- " is written, its first key follows on the line
  std::vector<size_t> opened_;  // where the content of each open map and list began
};

}  // namespace silverback::base
