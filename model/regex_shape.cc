#include "model/regex_shape.h"

#include <algorithm>
#include <utility>

namespace silverback::model {
namespace {

// A product of alternatives ("(a|b)(c|d)") stops being a shortcut somewhere.
constexpr size_t kMaxProduct = 4096;
constexpr size_t kMaxProductBytes = 1 << 20;
constexpr int kMaxDepth = 50;

bool is_operator(char c) {
  return std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos;
}

bool is_ascii_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
         (c >= '{' && c <= '~');
}

bool is_quantifier(char c) {
  return c == '*' || c == '+' || c == '?' || c == '{';
}

// A plain character or an escaped punctuation at the front of `rest`.
bool take_plain(std::string_view& rest, char& out) {
  if (rest.empty()) return false;
  if (!is_operator(rest[0])) {
    out = rest[0];
    rest.remove_prefix(1);
    return true;
  }
  if (rest.size() < 2 || rest[0] != '\\' || !is_ascii_punctuation(rest[1])) return false;
  out = rest[1];
  rest.remove_prefix(2);
  return true;
}

size_t total_bytes(const std::vector<std::string>& strings) {
  size_t total = 0;
  for (const std::string& s : strings) total += s.size();
  return total;
}

// Recursive descent over: alternatives := sequence ('|' sequence)*, sequence := (plain | group)*.
class LiteralParser {
 public:
  explicit LiteralParser(std::string_view pattern) : rest_(pattern) {}

  std::optional<std::vector<std::string>> parse() {
    std::vector<std::string> all;
    if (!alternatives(all, 0) || !rest_.empty()) return std::nullopt;
    return all;
  }

 private:
  bool alternatives(std::vector<std::string>& out, int depth) {
    if (depth > kMaxDepth) return false;
    for (;;) {
      if (!sequence(out, depth)) return false;
      if (rest_.empty() || rest_[0] != '|') return true;
      rest_.remove_prefix(1);
    }
  }

  bool sequence(std::vector<std::string>& out, int depth) {
    std::vector<std::string> heads(1);
    while (!rest_.empty() && rest_[0] != '|' && rest_[0] != ')') {
      char c = 0;
      if (take_plain(rest_, c)) {
        if (heads.size() > 1 && heads.size() * heads.back().size() > kMaxProductBytes) return false;
        for (std::string& head : heads) head += c;
      } else if (rest_[0] != '(' || !group(heads, depth)) {
        return false;
      }
      // A quantifier after it changes what it means.
      if (!rest_.empty() && is_quantifier(rest_[0])) return false;
    }
    out.insert(out.end(), std::make_move_iterator(heads.begin()),
               std::make_move_iterator(heads.end()));
    return true;
  }

  bool group(std::vector<std::string>& heads, int depth) {
    rest_.remove_prefix(1);
    if (!rest_.empty() && rest_[0] == '?') {
      if (rest_.substr(0, 2) != "?:") return false;  // flags and names
      rest_.remove_prefix(2);
    }
    std::vector<std::string> tails;
    if (!alternatives(tails, depth + 1) || rest_.empty()) return false;
    rest_.remove_prefix(1);  // ')': nothing else ends alternatives() before the end
    if (heads.size() > 1 && tails.size() > 1) {
      if (tails.size() > kMaxProduct / heads.size()) return false;
      if (total_bytes(heads) * tails.size() > kMaxProductBytes) return false;
      if (total_bytes(tails) * heads.size() > kMaxProductBytes) return false;
    }
    std::vector<std::string> product;
    product.reserve(heads.size() * tails.size());
    for (const std::string& head : heads) {
      for (const std::string& tail : tails) product.push_back(head + tail);
    }
    heads = std::move(product);
    return true;
  }

  std::string_view rest_;
};

// Index of the ']' that ends the class starting at `pattern[at]`, npos if there is none.
size_t class_end(std::string_view pattern, size_t at) {
  size_t i = at + 1;
  if (i < pattern.size() && pattern[i] == '^') ++i;
  if (i < pattern.size() && pattern[i] == ']') ++i;
  while (i < pattern.size() && pattern[i] != ']') {
    if (pattern[i] == '\\') {
      i += 2;
    } else if (pattern.substr(i, 2) == "[:") {
      const size_t close = pattern.find(":]", i + 2);
      i = close == std::string_view::npos ? i + 1 : close + 2;
    } else {
      ++i;
    }
  }
  return i < pattern.size() ? i : std::string_view::npos;
}

// True unless it is sure that no '|' stands outside of all groups.
bool may_alternate(std::string_view pattern) {
  int depth = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    switch (pattern[i]) {
      case '\\':
        if (pattern.substr(i, 2) == "\\Q") return true;
        ++i;
        break;
      case '[':
        i = class_end(pattern, i);
        if (i == std::string_view::npos) return true;
        break;
      case '(': ++depth; break;
      case ')': --depth; break;
      case '|':
        if (depth <= 0) return true;
        break;
      default: break;
    }
  }
  return false;
}

bool take_wildcard(std::string_view& rest, size_t& min) {
  if (rest.substr(0, 2) != ".*" && rest.substr(0, 2) != ".+") return false;
  min = rest[1] == '+' ? 1 : 0;
  rest.remove_prefix(2);
  return true;
}

}  // namespace

std::optional<std::vector<std::string>> literal_set(std::string_view pattern) {
  auto all = LiteralParser(pattern).parse();
  if (all) {
    std::sort(all->begin(), all->end());
    all->erase(std::unique(all->begin(), all->end()), all->end());
  }
  return all;
}

std::string literal_prefix(std::string_view pattern) {
  if (may_alternate(pattern)) return "";
  std::string prefix;
  std::string_view rest = pattern;
  for (char c = 0; take_plain(rest, c);) prefix += c;
  if (!rest.empty() && is_quantifier(rest[0]) && !prefix.empty()) {
    // The quantifier is about the last rune.
    while (prefix.size() > 1 && (static_cast<unsigned char>(prefix.back()) & 0xc0) == 0x80)
      prefix.pop_back();
    prefix.pop_back();
  }
  return prefix;
}

bool WildcardShape::matches(std::string_view s) const {
  if (s.size() < literal.size() + min_before + min_after) return false;
  if (!any_before) return s.substr(0, literal.size()) == literal;  // any_after
  if (!any_after) return s.substr(s.size() - literal.size()) == literal;
  const size_t at = s.find(literal, min_before);
  return at != std::string_view::npos && at + literal.size() + min_after <= s.size();
}

std::optional<WildcardShape> wildcard_shape(std::string_view pattern) {
  for (const std::string_view open : {"(", "(?:"}) {
    // A lone wildcard may stand in a group; rules write (.*).
    if (pattern == std::string(open) + ".*)" || pattern == std::string(open) + ".+)") {
      pattern = pattern.substr(open.size(), 2);
    }
  }
  WildcardShape shape;
  std::string_view rest = pattern;
  shape.any_before = take_wildcard(rest, shape.min_before);
  for (char c = 0; take_plain(rest, c);) shape.literal += c;
  if (!rest.empty()) shape.any_after = take_wildcard(rest, shape.min_after);
  if (!rest.empty() || (!shape.any_before && !shape.any_after)) return std::nullopt;
  // Minima count bytes; with nothing between them two wildcards would want runes counted.
  if (shape.literal.empty() && shape.min_before + shape.min_after > 1) return std::nullopt;
  if (shape.literal.empty()) shape.any_before = shape.any_after = true;
  return shape;
}

}  // namespace silverback::model
