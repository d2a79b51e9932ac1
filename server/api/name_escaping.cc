#include "server/api/name_escaping.h"

#include <charconv>

#include <fmt/format.h>

#include "base/utf8.h"
#include "model/labels.h"

namespace silverback::server::api {

namespace {

constexpr std::string_view kSchemes[] = {"allow-utf-8", "underscores", "dots", "values"};

bool is_legacy(uint32_t rune, bool first) {
  return (rune >= 'a' && rune <= 'z') || (rune >= 'A' && rune <= 'Z') || rune == '_' ||
         rune == ':' || (!first && rune >= '0' && rune <= '9');
}

void append_escaped(std::string& out, std::string_view bytes, const base::Rune& rune, bool first,
                    NameEscaping escaping) {
  const bool legacy = is_legacy(rune.code, first);
  if (escaping == NameEscaping::kUnderscores) {
    if (legacy) {
      out += bytes;
    } else {
      out += '_';
    }
  } else if (rune.code == '_') {
    out += "__";
  } else if (legacy) {
    out += bytes;
  } else if (escaping == NameEscaping::kDots) {
    out += rune.code == '.' ? "_dot_" : "__";
  } else if (rune.code == base::kRuneError && rune.size == 1) {
    out += "_FFFD_";
  } else {
    out += fmt::format("_{:x}_", rune.code);
  }
}

}  // namespace

bool parse_name_escaping(std::string_view text, NameEscaping& out) {
  for (size_t i = 0; i < std::size(kSchemes); ++i) {
    if (text != kSchemes[i]) continue;
    out = static_cast<NameEscaping>(i);
    return true;
  }
  return false;
}

std::string_view name_escaping_text(NameEscaping escaping) {
  return kSchemes[static_cast<size_t>(escaping)];
}

std::string escape_name(std::string_view name, NameEscaping escaping) {
  if (name.empty() || escaping == NameEscaping::kNone) return std::string(name);
  // The dots scheme changes underscores of legacy names too.
  if (escaping != NameEscaping::kDots && model::is_legacy_metric_name(name)) {
    return std::string(name);
  }
  std::string out = escaping == NameEscaping::kValues ? "U__" : "";
  for (size_t i = 0; i < name.size();) {
    const base::Rune rune = base::decode_rune(name.substr(i));
    append_escaped(out, name.substr(i, rune.size), rune, i == 0, escaping);
    i += rune.size;
  }
  return out;
}

std::string unescape_label_name(std::string_view name) {
  constexpr std::string_view kPrefix = "U__";
  if (name.substr(0, kPrefix.size()) != kPrefix) return std::string(name);
  const std::string_view escaped = name.substr(kPrefix.size());
  std::string out;
  for (size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '_') {
      out.push_back(escaped[i]);
      continue;
    }
    if (i + 1 < escaped.size() && escaped[i + 1] == '_') {
      out.push_back('_');
      ++i;
      continue;
    }
    const size_t end = escaped.find('_', i + 1);
    uint32_t rune = 0;
    if (end == std::string_view::npos || end == i + 1 || end - i > 7) return std::string(name);
    const char* last = escaped.data() + end;
    const auto [at, ec] = std::from_chars(escaped.data() + i + 1, last, rune, 16);
    const bool surrogate = rune >= 0xd800 && rune <= 0xdfff;
    if (ec != std::errc() || at != last || rune > 0x10ffff || surrogate) return std::string(name);
    base::append_rune(out, rune);
    i = end;
  }
  return out;
}

}  // namespace silverback::server::api
