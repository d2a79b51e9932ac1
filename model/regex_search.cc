#include "model/regex_search.h"

#include <charconv>
#include <utility>
#include <vector>

#include <re2/re2.h>

#include "model/regex.h"

namespace silverback::model {

namespace {

using Groups = std::vector<re2::StringPiece>;

re2::StringPiece piece(std::string_view s) {
  return {s.data(), s.size()};
}

/// (?<n> becomes (?P<n>, which older RE2 wants. Escapes are left alone.
std::string named_groups(std::string_view in) {
  std::string out;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] == '\\' && i + 1 < in.size()) {
      out += in.substr(i++, 2);
    } else if (in.substr(i, 3) == "(?<") {
      out += "(?P<";
      i += 2;
    } else {
      out += in[i];
    }
  }
  return out;
}

bool is_name_char(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// The name after a '$', with or without braces; false when there is none.
bool take_name(std::string_view& rest, std::string_view& name) {
  const bool braced = !rest.empty() && rest[0] == '{';
  size_t end = braced ? 1 : 0;
  const size_t start = end;
  while (end < rest.size() && is_name_char(rest[end])) ++end;
  if (end == start || (braced && (end == rest.size() || rest[end] != '}'))) return false;
  name = rest.substr(start, end - start);
  rest.remove_prefix(braced ? end + 1 : end);
  return true;
}

}  // namespace

struct SearchRegex::Impl {
  explicit Impl(std::string_view pattern)
      : re(piece(named_groups(pattern)), RE2::Options(RE2::Quiet)) {}

  void expand(std::string_view replacement, const Groups& groups, std::string& out) const {
    while (!replacement.empty()) {
      const size_t dollar = replacement.find('$');
      out += replacement.substr(0, dollar);
      if (dollar == std::string_view::npos) return;
      replacement.remove_prefix(dollar + 1);
      if (replacement.starts_with('$')) {
        out += '$';
        replacement.remove_prefix(1);
        continue;
      }
      std::string_view name;
      if (!take_name(replacement, name)) {
        out += '$';
        continue;
      }
      const size_t group = group_index(name);
      if (group < groups.size() && groups[group].data() != nullptr) {
        out.append(groups[group].data(), groups[group].size());
      }
    }
  }

  /// Beyond all groups when there is no such one.
  size_t group_index(std::string_view name) const {
    size_t index = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
    if (error == std::errc() && end == name.data() + name.size()) return index;
    const auto& names = re.NamedCapturingGroups();
    const auto it = names.find(std::string(name));
    return it == names.end() ? static_cast<size_t>(-1) : static_cast<size_t>(it->second);
  }

  const RE2 re;
};

base::Result<SearchRegex> SearchRegex::compile(std::string_view pattern) {
  // The anchored kind has Go's wording of every refusal.
  const base::Result<Regex> checked = Regex::compile(pattern);
  if (!checked.is_ok()) return checked.status();
  auto impl = std::make_shared<const Impl>(pattern);
  if (!impl->re.ok()) {
    return base::Status(base::Errc::kBadData, "error parsing regexp: " + impl->re.error());
  }
  return SearchRegex(std::move(impl));
}

bool SearchRegex::matches(std::string_view text) const {
  return RE2::PartialMatch(piece(text), impl_->re);
}

std::string SearchRegex::replace_all(std::string_view text, std::string_view replacement) const {
  Groups groups(static_cast<size_t>(impl_->re.NumberOfCapturingGroups()) + 1);
  std::string out;
  size_t copied = 0;  // text before this is in `out`
  size_t from = 0;    // search starts here
  bool after_match = false;
  while (from <= text.size() && impl_->re.Match(piece(text), from, text.size(), RE2::UNANCHORED,
                                                groups.data(), static_cast<int>(groups.size()))) {
    const auto start = static_cast<size_t>(groups[0].data() - text.data());
    const size_t end = start + groups[0].size();
    out += text.substr(copied, start - copied);
    // An empty match right after a match is none.
    const bool adjacent = end == start && after_match && start == copied;
    if (!adjacent) impl_->expand(replacement, groups, out);
    copied = end;
    after_match = true;
    from = end;
    if (end == start) {
      // Past one character, all bytes of it.
      size_t next = start + 1;
      while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xc0) == 0x80) ++next;
      if (start < text.size()) out += text.substr(start, std::min(next, text.size()) - start);
      copied = std::min(next, text.size());
      from = next;
      after_match = false;
    }
  }
  if (copied < text.size()) out += text.substr(copied);
  return out;
}

}  // namespace silverback::model
