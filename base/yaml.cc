#include "base/yaml.h"

#include <algorithm>
#include <deque>
#include <map>
#include <sstream>
#include <unordered_set>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "base/duration.h"
#include "base/go_quote.h"
#include "base/utf8.h"
#include "base/yaml_scalar.h"

namespace silverback::base {
namespace {

enum class Kind : uint8_t { kNull, kScalar, kSequence, kMap };

Status error_at(const std::string& file, int line, std::string_view message,
                Errc code = Errc::kBadData) {
  std::string text = file;
  if (!text.empty()) text += ':';
  text += std::to_string(line);
  text += ": ";
  text += message;
  return {code, std::move(text)};
}

// What yaml-cpp takes in silence, or for the end of the text (0x04), and YAML does not allow.
Status check_bytes(std::string_view text, const std::string& file) {
  int line = 1;
  for (size_t i = 0; i < text.size();) {
    const Rune rune = decode_rune(text.substr(i));
    const uint32_t c = rune.code;
    if (c == kRuneError && rune.size == 1) return error_at(file, line, "yaml: invalid UTF-8");
    const bool control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
    if (control || (c >= 0x80 && c < 0xa0 && c != 0x85)) {
      return error_at(file, line, "yaml: control characters are not allowed");
    }
    if (c == '\n') ++line;
    i += rune.size;
  }
  return {};
}

}  // namespace

struct YamlNode::Impl {
  using Pair = std::pair<const Impl*, const Impl*>;

  const std::string* file = nullptr;
  Kind kind = Kind::kNull;
  bool plain = false;  // an unquoted scalar without a tag that says string
  bool open = false;   // its end was not seen yet
  int line = 1;
  uint64_t weight = 1;  // nodes below it and itself, aliases spelled out
  std::string scalar;
  std::vector<const Impl*> items;
  std::vector<Pair> entries;

  YamlScalarKind scalar_kind() const {
    return plain ? resolve_yaml_scalar(scalar) : YamlScalarKind::kString;
  }
  // "!!str `abc`", as Go's messages show what was found.
  std::string shown() const {
    switch (kind) {
      case Kind::kNull: return "!!null";
      case Kind::kSequence: return "!!seq";
      case Kind::kMap: return "!!map";
      case Kind::kScalar: break;
    }
    const std::string text = scalar.size() > 10 ? scalar.substr(0, 7) + "..." : scalar;
    return std::string(yaml_tag(scalar_kind())) + " `" + text + "`";
  }
};

/// Builds the nodes of one document from yaml-cpp's events; owns them.
class YamlDocument final : public YAML::EventHandler {
 public:
  using Impl = YamlNode::Impl;

  explicit YamlDocument(std::string file) : file_(std::move(file)) {}

  static Result<YamlNode> parse(std::string_view text, std::string file) {
    RETURN_IF_ERROR(check_bytes(text, file));
    auto document = std::make_shared<YamlDocument>(std::move(file));
    RETURN_IF_ERROR(document->run(text));
    YamlNode node;
    node.impl_ = std::shared_ptr<const Impl>(document, document->root());
    return node;
  }

  static YamlNode node_of(const YamlNode& sibling, const Impl* impl) {
    YamlNode node;
    node.impl_ = std::shared_ptr<const Impl>(sibling.impl_, impl);
    return node;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp makes empty documents without end of a character that starts none, such as ','.
    if (documents_ > 0 && mark.pos == document_pos_) {
      fail(mark.line + 1, "yaml: did not find expected node content");
    }
    document_pos_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Impl* node = make(mark, Kind::kNull, anchor);
    // The mark of a value that is not there is that of whatever comes next.
    if (!keys_.empty() && keys_.back() != nullptr) node->line = keys_.back()->line;
    add(node, mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const Impl* target = anchors_[anchor];
    if (target == nullptr || target->open) {
      fail(mark.line + 1, "yaml: an anchor's value contains itself");
      return;
    }
    aliased_ = add_weights(aliased_, target->weight);
    if (has_excessive_aliases()) {
      fail(mark.line + 1, "yaml: document contains excessive aliasing");
      return;
    }
    add(target, mark);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Impl* node = make(mark, Kind::kScalar, anchor);
    node->scalar = value;
    node->plain = tag != "!" && tag != "tag:yaml.org,2002:str";
    add(node, mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    begin(make(mark, Kind::kSequence, anchor), mark);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    begin(make(mark, Kind::kMap, anchor), mark);
  }
  void OnMapEnd() override { end(); }

 private:
  Status run(std::string_view text) {
    try {
      std::istringstream in{std::string(text)};
      YAML::Parser parser(in);
      while (status_.is_ok() && parser.HandleNextDocument(*this)) {
        documents_ += 1;
        anchors_.clear();
      }
    } catch (const YAML::Exception& e) {
      fail(e.mark.is_null() ? 1 : e.mark.line + 1, "yaml: " + e.msg);
    }
    return status_;
  }

  const Impl* root() {
    static const Impl null_node;
    if (root_ == nullptr) {
      nodes_.push_back(null_node);
      nodes_.back().file = &file_;
      root_ = &nodes_.back();
    }
    return root_;
  }

  void fail(int line, std::string_view message) {
    if (status_.is_ok()) status_ = error_at(file_, line, message);
  }

  Impl* make(const YAML::Mark& mark, Kind kind, YAML::anchor_t anchor) {
    nodes_.emplace_back();
    Impl* node = &nodes_.back();
    node->file = &file_;
    node->line = mark.line + 1;
    node->kind = kind;
    if (anchor != 0) anchors_[anchor] = node;
    return node;
  }

  void begin(Impl* node, const YAML::Mark& mark) {
    add(node, mark);
    node->open = true;
    stack_.push_back(node);
    keys_.push_back(nullptr);
  }

  void end() {
    Impl* node = stack_.back();
    stack_.pop_back();
    keys_.pop_back();
    node->open = false;
    for (const Impl* item : node->items) node->weight = add_weights(node->weight, item->weight);
    for (const Impl::Pair& entry : node->entries) {
      node->weight = add_weights(node->weight, add_weights(1, entry.second->weight));
    }
    if (node->kind == Kind::kMap) finish_map(*node);
  }

  static uint64_t add_weights(uint64_t a, uint64_t b) {
    constexpr uint64_t kMost = uint64_t{1} << 60;
    return std::min(kMost, a + b);
  }

  // Go's YAML: few nodes may be nearly all aliases, millions only a tenth.
  bool has_excessive_aliases() const {
    constexpr double kLow = 400'000, kHigh = 4'000'000;
    const auto aliased = static_cast<double>(aliased_);
    const double all = aliased + static_cast<double>(nodes_.size());
    if (aliased <= 100 || all <= 1000) return false;
    double allowed = 0.99;
    if (all >= kHigh) {
      allowed = 0.10;
    } else if (all > kLow) {
      allowed = 0.99 - 0.89 * (all - kLow) / (kHigh - kLow);
    }
    return aliased / all > allowed;
  }

  // Puts a node where it belongs: document, list, key or value.
  void add(const Impl* node, const YAML::Mark& mark) {
    if (stack_.empty()) {
      if (documents_ == 0) {
        root_ = node;
      } else if (node->kind != Kind::kNull) {
        fail(mark.line + 1, "yaml: only one document is allowed in a file");
      }
      return;
    }
    Impl* parent = stack_.back();
    if (parent->kind == Kind::kSequence) {
      parent->items.push_back(node);
    } else if (keys_.back() == nullptr) {
      if (node->kind != Kind::kScalar) {
        fail(mark.line + 1, "yaml: invalid map key: only scalars can be keys");
        // Keeps the pairs aligned for the events that still come.
      }
      keys_.back() = node;
    } else {
      parent->entries.emplace_back(keys_.back(), node);
      keys_.back() = nullptr;
    }
  }

  // Refuses duplicate keys and puts in what merge keys bring; own keys win, then earlier maps.
  void finish_map(Impl& map) {
    std::unordered_set<std::string_view> seen;
    std::vector<Impl::Pair> own;
    std::vector<const Impl*> merged;
    for (const Impl::Pair& entry : map.entries) {
      if (entry.first->plain && entry.first->scalar == "<<") {
        collect_merged(*entry.second, merged);
      } else if (!seen.insert(entry.first->scalar).second) {
        fail(entry.first->line, "key " + go_quote(entry.first->scalar) + " already set in map");
      } else {
        own.push_back(entry);
      }
    }
    for (const Impl* other : merged) {
      for (const Impl::Pair& entry : other->entries) {
        if (seen.insert(entry.first->scalar).second) own.push_back(entry);
      }
    }
    map.entries = std::move(own);
  }

  void collect_merged(const Impl& value, std::vector<const Impl*>& out) {
    const bool many = value.kind == Kind::kSequence;
    const std::vector<const Impl*> maps = many ? value.items : std::vector<const Impl*>{&value};
    for (const Impl* map : maps) {
      if (map->kind == Kind::kMap) {
        out.push_back(map);
      } else {
        fail(map->line, "yaml: map merge requires map or sequence of maps as the value");
      }
    }
  }

  const std::string file_;
  std::deque<Impl> nodes_;  // stable addresses
  const Impl* root_ = nullptr;
  int documents_ = 0;
  int document_pos_ = 0;  // where the last one starts
  uint64_t aliased_ = 0;  // nodes that aliases have stood for
  Status status_;
  std::map<YAML::anchor_t, const Impl*> anchors_;
  std::vector<Impl*> stack_;
  std::vector<const Impl*> keys_;  // per open container: the key that waits for its value
};

Result<YamlNode> parse_yaml(std::string_view text, std::string file) {
  return YamlDocument::parse(text, std::move(file));
}

bool YamlNode::is_null() const {
  return !impl_ || impl_->kind == Kind::kNull ||
         (impl_->kind == Kind::kScalar && impl_->scalar_kind() == YamlScalarKind::kNull);
}
bool YamlNode::is_scalar() const {
  return impl_ && impl_->kind == Kind::kScalar;
}
bool YamlNode::is_sequence() const {
  return impl_ && impl_->kind == Kind::kSequence;
}
bool YamlNode::is_map() const {
  return impl_ && impl_->kind == Kind::kMap;
}
int YamlNode::line() const {
  return impl_ ? impl_->line : 1;
}

Status YamlNode::error(std::string_view message) const {
  if (!impl_) return {Errc::kBadData, std::string(message)};
  return error_at(*impl_->file, impl_->line, message);
}

Status YamlNode::unsupported(std::string_view what) const {
  const std::string message = std::string(what) + ": not supported yet";
  if (!impl_) return {Errc::kUnsupported, message};
  return error_at(*impl_->file, impl_->line, message, Errc::kUnsupported);
}

Status YamlNode::mismatch(std::string_view wanted) const {
  const std::string shown = impl_ ? impl_->shown() : "!!null";
  return error("cannot unmarshal " + shown + " into " + std::string(wanted));
}

Result<std::string> YamlNode::as_string() const {
  if (is_null()) return std::string();
  if (!is_scalar()) return mismatch("string");
  return impl_->scalar;
}

Result<bool> YamlNode::as_bool() const {
  const auto v = is_scalar() && impl_->plain ? yaml_bool(impl_->scalar) : std::nullopt;
  if (!v) return mismatch("bool");
  return *v;
}

Result<int64_t> YamlNode::as_int() const {
  if (!is_scalar() || !impl_->plain) return mismatch("int");
  if (const auto v = yaml_int(impl_->scalar)) return *v;
  const auto f = yaml_float(impl_->scalar);  // 1e3 is a whole number too
  if (!f || !(*f > -9.2e18 && *f < 9.2e18) || static_cast<double>(static_cast<int64_t>(*f)) != *f) {
    return mismatch("int");
  }
  return static_cast<int64_t>(*f);
}

Result<uint64_t> YamlNode::as_uint() const {
  if (!is_scalar() || !impl_->plain) return mismatch("uint");
  if (const auto v = yaml_uint(impl_->scalar)) return *v;
  const Result<int64_t> whole = as_int();
  if (!whole.is_ok() || *whole < 0) return mismatch("uint");
  return static_cast<uint64_t>(*whole);
}

Result<double> YamlNode::as_double() const {
  if (!is_scalar() || !impl_->plain) return mismatch("float64");
  if (const auto whole = yaml_int(impl_->scalar)) return static_cast<double>(*whole);
  const auto v = yaml_float(impl_->scalar);
  if (!v) return mismatch("float64");
  return *v;
}

Result<int64_t> YamlNode::as_duration_ms() const {
  ASSIGN_OR_RETURN(const std::string text, as_string());
  const Result<int64_t> v = parse_duration_ms(text);
  if (!v.is_ok()) return error(v.status().message());
  return *v;
}

Result<uint64_t> YamlNode::as_bytes() const {
  ASSIGN_OR_RETURN(const std::string text, as_string());
  const Result<uint64_t> v = parse_byte_size(text);
  if (!v.is_ok()) return error(v.status().message());
  return *v;
}

Result<std::vector<std::string>> YamlNode::as_string_list() const {
  std::vector<std::string> out;
  if (is_null()) return out;
  if (!is_sequence()) return mismatch("[]string");
  for (const YamlNode& item : items()) {
    ASSIGN_OR_RETURN(std::string text, item.as_string());
    out.push_back(std::move(text));
  }
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> YamlNode::as_string_map() const {
  std::vector<std::pair<std::string, std::string>> out;
  if (is_null()) return out;
  if (!is_map()) return mismatch("map[string]string");
  for (const Entry& entry : entries()) {
    ASSIGN_OR_RETURN(std::string text, entry.value.as_string());
    out.emplace_back(entry.key, std::move(text));
  }
  return out;
}

std::vector<YamlNode> YamlNode::items() const {
  std::vector<YamlNode> out;
  if (!is_sequence()) return out;
  for (const Impl* item : impl_->items) out.push_back(YamlDocument::node_of(*this, item));
  return out;
}

std::vector<YamlNode::Entry> YamlNode::entries() const {
  std::vector<Entry> out;
  if (!is_map()) return out;
  for (const Impl::Pair& pair : impl_->entries) {
    out.push_back(Entry{pair.first->scalar, YamlDocument::node_of(*this, pair.first),
                        YamlDocument::node_of(*this, pair.second)});
  }
  return out;
}

}  // namespace silverback::base
