#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/regex.h"

namespace silverback::model {

enum class MatchType : uint8_t { kEqual = 0, kNotEqual = 1, kRegex = 2, kNotRegex = 3 };

/// One label matcher. An absent label has the value "". Threads: value type, immutable.
class Matcher {
 public:
  /// kBadData when the regex does not compile.
  static base::Result<Matcher> make(MatchType type, std::string name, std::string value);

  MatchType type() const { return type_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  /// Set for kRegex and kNotRegex.
  const std::optional<Regex>& regex() const { return regex_; }

  bool matches(std::string_view value) const;
  bool matches_empty() const { return matches(""); }
  /// `name="value"`, operator and quoting as Prometheus prints them.
  std::string to_string() const;
  bool operator==(const Matcher& o) const {
    return type_ == o.type_ && name_ == o.name_ && value_ == o.value_;
  }

 private:
  Matcher(MatchType type, std::string name, std::string value, std::optional<Regex> regex)
      : type_(type), name_(std::move(name)), value_(std::move(value)), regex_(std::move(regex)) {}
  MatchType type_;
  std::string name_;
  std::string value_;
  std::optional<Regex> regex_;
};

using Matchers = std::vector<Matcher>;

bool matches_all(const Matchers& matchers, const Labels& labels);

}  // namespace silverback::model
