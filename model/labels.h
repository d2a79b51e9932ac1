#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace silverback::model {

inline constexpr std::string_view kMetricName = "__name__";
inline constexpr std::string_view kBucketLabel = "le";

/// A name and a value; views into the Labels that gave it.
struct Label {
  std::string_view name;
  std::string_view value;
  bool operator==(const Label&) const = default;
  auto operator<=>(const Label&) const = default;
};

/// 128-bit hash of a label set: the key by which head and partitions are joined, and engine order.
struct LabelHash {
  uint64_t hi = 0;
  uint64_t lo = 0;
  bool operator==(const LabelHash&) const = default;
  auto operator<=>(const LabelHash&) const = default;
};

/// An immutable label set, sorted by name, names unique, no empty values. One buffer:
/// per label uvarint(name size) name uvarint(value size) value. Equality is one memcmp.
/// Threads: value type.
class Labels {
 public:
  Labels() = default;
  /// Sorts; empty values are left out. Names must be unique (assert).
  static Labels from(std::vector<std::pair<std::string, std::string>> pairs);
  static Labels from(std::initializer_list<std::pair<std::string, std::string>> pairs) {
    return from(std::vector<std::pair<std::string, std::string>>(pairs));
  }
  /// Takes bytes() of another Labels as they are; for stored bytes that a checksum covers.
  static Labels from_bytes(std::string bytes);
  /// True if `bytes` is what bytes() of some Labels gives: in order, unique, complete.
  static bool valid_bytes(std::string_view bytes);

  class Iterator {
   public:
    using value_type = Label;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = const Label*;
    using reference = const Label&;
    Iterator() = default;
    explicit Iterator(std::string_view rest) : rest_(rest) { advance(); }
    const Label& operator*() const { return label_; }
    const Label* operator->() const { return &label_; }
    Iterator& operator++() {
      advance();
      return *this;
    }
    Iterator operator++(int) {
      Iterator old = *this;
      advance();
      return old;
    }
    bool operator==(const Iterator& o) const { return at_ == o.at_; }

   private:
    void advance();
    std::string_view rest_;
    Label label_;
    const char* at_ = nullptr;  // start of the current label; nullptr at the end
  };
  Iterator begin() const { return Iterator(bytes_); }
  Iterator end() const { return {}; }

  bool empty() const { return bytes_.empty(); }
  size_t size() const;
  /// "" when absent: an absent label and an empty one are the same.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  std::string_view metric_name() const { return get(kMetricName); }

  const std::string& bytes() const { return bytes_; }
  LabelHash hash() const;   // XXH3-128 of bytes()
  uint64_t hash64() const;  // XXH3-64 of bytes(), for hash tables

  Labels without_metric_name() const { return without(kMetricName); }
  Labels without(std::string_view name) const;

  /// `{a="1", b="2"}` with the name first as Prometheus prints it: `up{job="x"}`.
  std::string to_string() const;

  bool operator==(const Labels& o) const { return bytes_ == o.bytes_; }
  /// Label order: pairwise by name, then value; a prefix sorts first.
  static int compare(const Labels& a, const Labels& b);
  bool operator<(const Labels& o) const { return compare(*this, o) < 0; }

 private:
  friend class LabelsBuilder;
  std::string bytes_;
};

/// Changes a label set. Setting an empty value deletes.
class LabelsBuilder {
 public:
  LabelsBuilder() = default;
  explicit LabelsBuilder(const Labels& base) { reset(base); }
  void reset(const Labels& base);
  void clear() { pairs_.clear(); }
  LabelsBuilder& set(std::string_view name, std::string_view value);
  LabelsBuilder& del(std::string_view name);
  std::string_view get(std::string_view name) const;
  /// In label order.
  const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }
  Labels build() const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;  // sorted by name
};

/// [a-zA-Z_][a-zA-Z0-9_]*
bool is_legacy_label_name(std::string_view s);
/// [a-zA-Z_:][a-zA-Z0-9_:]*
bool is_legacy_metric_name(std::string_view s);
/// Non-empty and valid UTF-8: the rule of 3.x for both kinds of names.
bool is_valid_name(std::string_view s);
/// Go's strconv.Quote, as Prometheus prints label values.
std::string go_quote(std::string_view s);

}  // namespace silverback::model
