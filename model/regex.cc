#include "model/regex.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <re2/re2.h>

#include "base/utf8.h"
#include "model/regex_shape.h"

namespace silverback::model {
namespace {

constexpr int64_t kMaxProgramBytes = 10 << 20;

re2::StringPiece piece(std::string_view s) {
  return {s.data(), s.size()};
}
std::string_view view(re2::StringPiece s) {
  return {s.data(), s.size()};
}

// What RE2 of Debian 12 takes for `pattern` of Go's RE2 syntax.
struct Rewritten {
  std::string pattern;
  bool has_any_byte = false;  // \C, which Go refuses
};

// (?<n> becomes (?P<n>; escapes, \Q..\E and character classes are left alone.
Rewritten rewrite(std::string_view in) {
  Rewritten out;
  bool in_class = false, quoted = false;
  for (size_t i = 0; i < in.size(); ++i) {
    const std::string_view two = in.substr(i, 2);
    if (quoted) {
      if (two == "\\E") quoted = false;
    } else if (in[i] == '\\') {
      if (two == "\\C") out.has_any_byte = true;
      if (two == "\\Q" && !in_class) quoted = true;
      out.pattern += two;
      i += two.size() - 1;
      continue;
    } else if (in_class) {
      in_class = in[i] != ']';
    } else if (in[i] == '[') {
      in_class = true;
      // A ']' right at the start is a member.
      const size_t skip = in.substr(i, 3) == "[^]" ? 3 : two == "[]" ? 2 : 1;
      out.pattern += in.substr(i, skip);
      i += skip - 1;
      continue;
    } else if (in.substr(i, 3) == "(?<") {
      out.pattern += "(?P<";
      i += 2;
      continue;
    }
    out.pattern += in[i];
  }
  return out;
}

// Go's wording of the same trouble.
std::string_view go_reason(RE2::ErrorCode code) {
  switch (code) {
    case RE2::ErrorBadEscape: return "invalid escape sequence";
    case RE2::ErrorBadCharClass: return "invalid character class";
    case RE2::ErrorBadCharRange: return "invalid character class range";
    case RE2::ErrorMissingBracket: return "missing closing ]";
    case RE2::ErrorMissingParen: return "missing closing )";
    case RE2::ErrorUnexpectedParen: return "unexpected )";
    case RE2::ErrorTrailingBackslash: return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument: return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize: return "invalid repeat count";
    case RE2::ErrorRepeatOp: return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp: return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadUTF8: return "invalid UTF-8";
    case RE2::ErrorBadNamedCapture: return "invalid named capture";
    case RE2::ErrorPatternTooLarge: return "expression too large";
    case RE2::NoError:
    case RE2::ErrorInternal: break;
  }
  return "regexp/syntax: internal error";
}

base::Status parse_error(std::string_view reason, std::string_view fragment) {
  std::string text("error parsing regexp: ");
  text += reason;
  text += ": `";
  text += fragment;
  text += '`';
  return {base::Errc::kBadData, std::move(text)};
}

base::Status compile_error(const RE2& re, std::string_view pattern, const std::string& rewritten) {
  std::string fragment = re.error_arg();
  const bool about_all = re.error_code() == RE2::ErrorPatternTooLarge ||
                         re.error_code() == RE2::ErrorBadUTF8 || fragment == rewritten;
  if (about_all) fragment = pattern;
  if (fragment.rfind("(?P<", 0) == 0 && pattern.find(fragment) == std::string_view::npos) {
    fragment.erase(2, 1);  // our own rewriting
  }
  return parse_error(go_reason(re.error_code()), fragment);
}

// Go counts letters and decimal digits of all scripts as part of a $name.
size_t name_size(std::string_view s) {
  static const RE2 letter_or_digit("[\\p{L}\\p{Nd}_]");
  size_t size = 0;
  while (size < s.size()) {
    const base::Rune rune = base::decode_rune(s.substr(size));
    if (!RE2::FullMatch(piece(s.substr(size, rune.size)), letter_or_digit)) break;
    size += rune.size;
  }
  return size;
}

// The number a $name stands for, -1 if it is a word (or has a leading zero).
int group_number(std::string_view name) {
  if (name.size() > 8 || (name.size() > 1 && name[0] == '0')) return -1;
  int number = 0;
  for (const char c : name) {
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

}  // namespace

struct Regex::Impl {
  explicit Impl(std::string_view p) : pattern(p) {}

  std::string pattern;
  std::unique_ptr<const RE2> re;
  int groups = 0;
  std::optional<std::vector<std::string>> literals;
  std::optional<WildcardShape> wildcard;
  std::string prefix;
};

base::Result<Regex> Regex::compile(std::string_view pattern) {
  const Rewritten rewritten = rewrite(pattern);
  if (rewritten.has_any_byte) return parse_error("invalid escape sequence", "\\C");
  RE2::Options options;
  options.set_dot_nl(true);
  options.set_never_nl(false);
  options.set_longest_match(false);
  options.set_log_errors(false);
  options.set_max_mem(kMaxProgramBytes);
  auto impl = std::make_shared<Impl>(pattern);
  auto re = std::make_unique<const RE2>(rewritten.pattern, options);
  if (!re->ok()) return compile_error(*re, pattern, rewritten.pattern);
  impl->groups = re->NumberOfCapturingGroups();
  impl->re = std::move(re);
  impl->literals = literal_set(pattern);
  if (!impl->literals) {
    impl->wildcard = wildcard_shape(pattern);
    impl->prefix = literal_prefix(pattern);
  } else if (impl->literals->size() == 1) {
    impl->prefix = impl->literals->front();
  }
  return Regex(std::move(impl));
}

Regex Regex::any() {
  static const Regex instance = compile("(.*)").value();
  return instance;
}

const std::string& Regex::pattern() const {
  return impl_->pattern;
}

bool Regex::matches(std::string_view s) const {
  if (impl_->literals) {
    const std::vector<std::string>& all = *impl_->literals;
    return std::binary_search(all.begin(), all.end(), s, std::less<std::string_view>());
  }
  if (impl_->wildcard) return impl_->wildcard->matches(s);
  if (s.substr(0, impl_->prefix.size()) != impl_->prefix) return false;
  return impl_->re->Match(piece(s), 0, s.size(), RE2::ANCHOR_BOTH, nullptr, 0);
}

const std::optional<std::vector<std::string>>& Regex::literals() const {
  return impl_->literals;
}

std::string_view Regex::prefix() const {
  return impl_->prefix;
}

bool Regex::matches_everything() const {
  const auto& w = impl_->wildcard;
  return w && w->literal.empty() && w->min_before + w->min_after == 0;
}

std::optional<std::vector<std::string_view>> Regex::captures(std::string_view s) const {
  if (!matches(s)) return std::nullopt;
  std::vector<std::string_view> out(static_cast<size_t>(impl_->groups) + 1);
  out[0] = s;
  if (impl_->groups == 0) return out;
  if (impl_->groups == 1 && impl_->wildcard && impl_->wildcard->literal.empty()) {
    out[1] = s;  // (.*) and (.+)
    return out;
  }
  std::vector<re2::StringPiece> found(out.size());
  if (!impl_->re->Match(piece(s), 0, s.size(), RE2::ANCHOR_BOTH, found.data(), impl_->groups + 1)) {
    return std::nullopt;
  }
  for (size_t i = 1; i < out.size(); ++i) out[i] = view(found[i]);
  return out;
}

std::string Regex::expand(std::string_view replacement,
                          const std::vector<std::string_view>& captures) const {
  std::string out;
  std::string_view rest = replacement;
  for (size_t dollar = rest.find('$'); dollar != std::string_view::npos; dollar = rest.find('$')) {
    out += rest.substr(0, dollar);
    rest.remove_prefix(dollar + 1);
    if (!rest.empty() && rest[0] == '$') {
      out += '$';
      rest.remove_prefix(1);
      continue;
    }
    const bool braced = !rest.empty() && rest[0] == '{';
    const std::string_view after = rest.substr(braced ? 1 : 0);
    const size_t size = name_size(after);
    if (size == 0 || (braced && after.substr(size, 1) != "}")) {
      out += '$';  // malformed: the dollar is text
      continue;
    }
    const std::string_view name = after.substr(0, size);
    rest = after.substr(size + (braced ? 1 : 0));
    if (const int number = group_number(name); number >= 0) {
      if (static_cast<size_t>(number) < captures.size())
        out += captures[static_cast<size_t>(number)];
      continue;
    }
    const auto& names = impl_->re->NamedCapturingGroups();
    const auto found = names.find(std::string(name));
    if (found != names.end() && static_cast<size_t>(found->second) < captures.size()) {
      out += captures[static_cast<size_t>(found->second)];
    }
  }
  out += rest;
  return out;
}

}  // namespace silverback::model
