#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "base/utf8.h"

namespace {

namespace base = silverback::base;

void fail(const std::string& json) {
  std::fprintf(stderr, "not a JSON string: %s\n", json.c_str());
  std::abort();
}

size_t escape_length(std::string_view at) {
  if (at.size() < 2) return 0;
  if (at[1] != 'u') {
    return std::string_view("\"\\/bfnrt").find(at[1]) != std::string_view::npos ? 2 : 0;
  }
  if (at.size() < 6) return 0;
  for (size_t i = 2; i < 6; ++i) {
    if (std::string_view("0123456789abcdef").find(at[i]) == std::string_view::npos) return 0;
  }
  return 6;
}

/// Quotes around plain characters and whole escapes, in valid UTF-8.
void check(const std::string& json, bool html) {
  if (json.size() < 2 || json.front() != '"' || json.back() != '"' || !base::is_valid_utf8(json))
    fail(json);
  const std::string_view inner = std::string_view(json).substr(1, json.size() - 2);
  for (size_t i = 0; i < inner.size();) {
    const char c = inner[i];
    if (c == '"' || static_cast<unsigned char>(c) < 0x20) fail(json);
    if (html && (c == '<' || c == '>' || c == '&')) fail(json);
    const size_t length = c == '\\' ? escape_length(inner.substr(i)) : 1;
    if (length == 0) fail(json);
    i += length;
  }
}

}  // namespace

/// Any bytes become a JSON string.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string escaped, label;
  base::JsonWriter(escaped).string(text);
  check(escaped, true);
  base::JsonWriter(label).label_string(text);
  check(label, false);
  return 0;
}
