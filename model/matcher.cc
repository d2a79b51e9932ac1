#include "model/matcher.h"

#include <utility>

#include "base/go_quote.h"

namespace silverback::model {
namespace {

std::string_view operator_of(MatchType type) {
  switch (type) {
    case MatchType::kEqual: return "=";
    case MatchType::kNotEqual: return "!=";
    case MatchType::kRegex: return "=~";
    case MatchType::kNotRegex: return "!~";
  }
  return "=";
}

}  // namespace

base::Result<Matcher> Matcher::make(MatchType type, std::string name, std::string value) {
  std::optional<Regex> regex;
  if (type == MatchType::kRegex || type == MatchType::kNotRegex) {
    ASSIGN_OR_RETURN(regex, Regex::compile(value));
  }
  return Matcher(type, std::move(name), std::move(value), std::move(regex));
}

bool Matcher::matches(std::string_view value) const {
  switch (type_) {
    case MatchType::kEqual: return value == value_;
    case MatchType::kNotEqual: return value != value_;
    case MatchType::kRegex: return regex_->matches(value);
    case MatchType::kNotRegex: return !regex_->matches(value);
  }
  return false;
}

std::string Matcher::to_string() const {
  std::string out;
  if (is_legacy_label_name(name_)) {
    out = name_;
  } else {
    base::append_go_quote(out, name_);
  }
  out += operator_of(type_);
  base::append_go_quote(out, value_);
  return out;
}

bool matches_all(const Matchers& matchers, const Labels& labels) {
  for (const Matcher& matcher : matchers) {
    if (!matcher.matches(labels.get(matcher.name()))) return false;
  }
  return true;
}

}  // namespace silverback::model
