#include <algorithm>

#include "base/yaml.h"

namespace silverback::base {

YamlFields::YamlFields(const YamlNode& map, std::string type_name)
    : map_(map), type_name_(std::move(type_name)) {
  if (map_.is_map()) {
    entries_ = map_.entries();
  } else if (!map_.is_null()) {
    fail(map_.mismatch(type_name_));
  }
  seen_.resize(entries_.size());
}

std::optional<YamlNode> YamlFields::take(std::string_view key) {
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].key != key) continue;
    seen_[i] = true;
    if (entries_[i].value.is_null()) return std::nullopt;
    return entries_[i].value;
  }
  return std::nullopt;
}

void YamlFields::fail(Status status) {
  if (status_.is_ok()) status_ = std::move(status);
}

void YamlFields::read(std::string_view key, const std::function<Status(const YamlNode&)>& fn) {
  const auto node = take(key);
  if (node && status_.is_ok()) fail(fn(*node));
}

namespace {

// A reader for read(): converts by `convert` and keeps the value if there is one.
template <typename T, typename Convert>
auto into(T& out, Convert convert) {
  return [&out, convert](const YamlNode& node) -> Status {
    auto value = convert(node);
    if (!value.is_ok()) return value.status();
    out = std::move(value).value();
    return {};
  };
}

}  // namespace

void YamlFields::read(std::string_view key, std::string& out) {
  read(key, into(out, [](const YamlNode& n) { return n.as_string(); }));
}
void YamlFields::read(std::string_view key, bool& out) {
  read(key, into(out, [](const YamlNode& n) { return n.as_bool(); }));
}
void YamlFields::read(std::string_view key, int64_t& out) {
  read(key, into(out, [](const YamlNode& n) { return n.as_int(); }));
}
void YamlFields::read(std::string_view key, uint64_t& out) {
  read(key, into(out, [](const YamlNode& n) { return n.as_uint(); }));
}
void YamlFields::read(std::string_view key, double& out) {
  read(key, into(out, [](const YamlNode& n) { return n.as_double(); }));
}
void YamlFields::read(std::string_view key, Secret& out) {
  read(key, [&out](const YamlNode& node) -> Status {
    ASSIGN_OR_RETURN(std::string text, node.as_string());
    out = Secret(std::move(text));
    return {};
  });
}
void YamlFields::read(std::string_view key, std::vector<std::string>& out) {
  read(key, into(out, [](const YamlNode& n) { return n.as_string_list(); }));
}
void YamlFields::read(std::string_view key, std::vector<std::pair<std::string, std::string>>& out) {
  read(key, into(out, [](const YamlNode& n) { return n.as_string_map(); }));
}
void YamlFields::read_duration(std::string_view key, int64_t& out_ms) {
  read(key, into(out_ms, [](const YamlNode& n) { return n.as_duration_ms(); }));
}
void YamlFields::read_bytes(std::string_view key, uint64_t& out_bytes) {
  read(key, into(out_bytes, [](const YamlNode& n) { return n.as_bytes(); }));
}

void YamlFields::unsupported(std::string_view key, std::vector<std::string> defaults) {
  read(key, [&](const YamlNode& node) -> Status {
    if (node.is_map() && node.entries().empty()) return {};
    if (node.is_sequence() && node.items().empty()) return {};
    if (node.is_scalar()) {
      ASSIGN_OR_RETURN(const std::string text, node.as_string());
      if (text.empty() || std::find(defaults.begin(), defaults.end(), text) != defaults.end())
        return {};
    }
    return node.unsupported(key);
  });
}

Status YamlFields::finish() {
  for (size_t i = 0; i < entries_.size() && status_.is_ok(); ++i) {
    if (seen_[i]) continue;
    fail(entries_[i].key_node.error("field " + entries_[i].key + " not found in type " +
                                    type_name_));
  }
  return status_;
}

}  // namespace silverback::base
