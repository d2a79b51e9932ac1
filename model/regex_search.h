#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace silverback::model {

/// A pattern that may match anywhere in a text, as Go's regexp package uses it; Regex is the
/// anchored kind that selectors want. Immutable, shared by copies. Threads: any thread.
class SearchRegex {
 public:
  /// kBadData with Go's wording: "error parsing regexp: ...".
  static base::Result<SearchRegex> compile(std::string_view pattern);

  /// Go's Regexp.MatchString.
  bool matches(std::string_view text) const;
  /// Go's Regexp.ReplaceAllString: $1, ${1}, $name, ${name} and $$ in `replacement`.
  std::string replace_all(std::string_view text, std::string_view replacement) const;

 private:
  struct Impl;
  explicit SearchRegex(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

}  // namespace silverback::model
