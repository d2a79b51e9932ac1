#include "model/labels.h"

#include <xxhash.h>

#include <algorithm>
#include <cassert>

#include "base/bytes.h"
#include "base/go_quote.h"
#include "base/utf8.h"

namespace silverback::model {
namespace {

// Reads one uvarint-prefixed string off the front; false when the bytes end early.
bool take_string(std::string_view& rest, std::string_view& out) {
  size_t n = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (rest.empty() || shift > 28) return false;
    const auto b = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    n |= static_cast<size_t>(b & 0x7f) << shift;
    if (b < 0x80) break;
  }
  if (n > rest.size()) return false;
  out = rest.substr(0, n);
  rest.remove_prefix(n);
  return true;
}

void put_label(std::string& out, std::string_view name, std::string_view value) {
  base::ByteWriter w(out);
  w.string(name);
  w.string(value);
}

bool all_of_class(std::string_view s, bool colon) {
  if (s.empty()) return false;
  for (size_t i = 0; i < s.size(); ++i) {
    const char c = s[i];
    const bool letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');
    if (!letter && !(i > 0 && c >= '0' && c <= '9')) return false;
  }
  return true;
}

auto position(std::vector<std::pair<std::string, std::string>>& pairs, std::string_view name) {
  return std::lower_bound(pairs.begin(), pairs.end(), name,
                          [](const auto& pair, std::string_view n) { return pair.first < n; });
}

}  // namespace

void Labels::Iterator::advance() {
  at_ = rest_.empty() ? nullptr : rest_.data();
  if (at_ == nullptr) return;
  const bool complete = take_string(rest_, label_.name) && take_string(rest_, label_.value);
  assert(complete);
  if (!complete) at_ = nullptr;
}

Labels Labels::from(std::vector<std::pair<std::string, std::string>> pairs) {
  std::sort(pairs.begin(), pairs.end());
  Labels out;
  for (size_t i = 0; i < pairs.size(); ++i) {
    assert(i == 0 || pairs[i - 1].first != pairs[i].first);
    if (!pairs[i].second.empty()) put_label(out.bytes_, pairs[i].first, pairs[i].second);
  }
  return out;
}

Labels Labels::from_bytes(std::string bytes) {
  Labels out;
  out.bytes_ = std::move(bytes);
  return out;
}

bool Labels::valid_bytes(std::string_view bytes) {
  std::string_view previous;
  bool first = true;
  while (!bytes.empty()) {
    std::string_view name, value;
    if (!take_string(bytes, name) || !take_string(bytes, value)) return false;
    if (name.empty() || value.empty()) return false;
    if (!first && name <= previous) return false;
    previous = name;
    first = false;
  }
  return true;
}

size_t Labels::size() const {
  return static_cast<size_t>(std::distance(begin(), end()));
}

std::string_view Labels::get(std::string_view name) const {
  std::string_view rest = bytes_, own_name, value;
  while (!rest.empty() && take_string(rest, own_name) && take_string(rest, value)) {
    const int order = own_name.compare(name);
    if (order == 0) return value;
    if (order > 0) break;
  }
  return {};
}

bool Labels::has(std::string_view name) const {
  return !get(name).empty();
}

LabelHash Labels::hash() const {
  const XXH128_hash_t h = XXH3_128bits(bytes_.data(), bytes_.size());
  return {h.high64, h.low64};
}

uint64_t Labels::hash64() const {
  return XXH3_64bits(bytes_.data(), bytes_.size());
}

Labels Labels::without(std::string_view name) const {
  Labels out;
  out.bytes_.reserve(bytes_.size());
  for (const Label& label : *this) {
    if (label.name != name) put_label(out.bytes_, label.name, label.value);
  }
  return out;
}

std::string Labels::to_string() const {
  std::string out;
  std::string_view name = metric_name();
  const bool bare_name = is_legacy_metric_name(name);
  if (bare_name) out = name;
  bool open = false;
  for (const Label& label : *this) {
    if (bare_name && label.name == kMetricName) continue;
    out += open ? ", " : "{";
    open = true;
    if (label.name == kMetricName) {
      out += go_quote(label.value);
      continue;
    }
    out += is_legacy_label_name(label.name) ? std::string(label.name) : go_quote(label.name);
    out += '=';
    out += go_quote(label.value);
  }
  if (open) {
    out += '}';
  } else if (out.empty()) {
    out = "{}";
  }
  return out;
}

int Labels::compare(const Labels& a, const Labels& b) {
  Iterator i = a.begin(), j = b.begin();
  for (; i != a.end() && j != b.end(); ++i, ++j) {
    if (const int c = i->name.compare(j->name); c != 0) return c;
    if (const int c = i->value.compare(j->value); c != 0) return c;
  }
  if (i == a.end()) return j == b.end() ? 0 : -1;
  return 1;
}

void LabelsBuilder::reset(const Labels& base) {
  pairs_.clear();
  for (const Label& label : base) pairs_.emplace_back(label.name, label.value);
}

LabelsBuilder& LabelsBuilder::set(std::string_view name, std::string_view value) {
  if (value.empty()) return del(name);
  auto at = position(pairs_, name);
  if (at != pairs_.end() && at->first == name) {
    at->second = value;
  } else {
    pairs_.insert(at, {std::string(name), std::string(value)});
  }
  return *this;
}

LabelsBuilder& LabelsBuilder::del(std::string_view name) {
  auto at = position(pairs_, name);
  if (at != pairs_.end() && at->first == name) pairs_.erase(at);
  return *this;
}

std::string_view LabelsBuilder::get(std::string_view name) const {
  for (const auto& [n, value] : pairs_) {
    if (n == name) return value;
  }
  return {};
}

Labels LabelsBuilder::build() const {
  Labels out;
  size_t size = 0;
  for (const auto& pair : pairs_) size += pair.first.size() + pair.second.size() + 4;
  out.bytes_.reserve(size);
  for (const auto& [name, value] : pairs_) put_label(out.bytes_, name, value);
  return out;
}

bool is_legacy_label_name(std::string_view s) {
  return all_of_class(s, false);
}
bool is_legacy_metric_name(std::string_view s) {
  return all_of_class(s, true);
}
bool is_valid_name(std::string_view s) {
  return !s.empty() && base::is_valid_utf8(s);
}
std::string go_quote(std::string_view s) {
  return base::go_quote(s);
}

}  // namespace silverback::model
