#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace silverback::model {

/// A pattern compiled as ^(?s:PATTERN)$ on RE2, with short cuts: a literal, a set of literals
/// (a|b|c), a literal prefix. Immutable, shared by copies. Threads: any thread.
class Regex {
 public:
  /// kBadData with Go's wording where clients see it: "error parsing regexp: ...".
  static base::Result<Regex> compile(std::string_view pattern);
  /// `(.*)`, the default of relabel rules.
  static Regex any();

  const std::string& pattern() const;
  bool matches(std::string_view s) const;
  /// The strings it can match, if it is nothing but a set of literals.
  const std::optional<std::vector<std::string>>& literals() const;
  /// Every match starts with this; "" when unknown.
  std::string_view prefix() const;
  bool matches_everything() const;  // .*

  /// Capture groups of a full match (index 0 = whole); nullopt when there is none. Views into `s`.
  std::optional<std::vector<std::string_view>> captures(std::string_view s) const;
  /// Go's Regexp.Expand: $1, ${1}, $name, $$; `$1x` is the group "1x" (unknown: empty).
  std::string expand(std::string_view replacement,
                     const std::vector<std::string_view>& captures) const;

 private:
  struct Impl;
  explicit Regex(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace silverback::model
