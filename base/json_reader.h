#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace silverback::base {

/// A value of a JSON text. Numbers stay as they were written.
struct JsonValue {
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;  // of a string, unescaped; of a number, as written
  std::vector<JsonValue> items;
  std::vector<std::pair<std::string, JsonValue>> members;  // in order; doubled keys are kept

  bool is(Kind k) const { return kind == k; }
  /// The last member of that name; null when there is none.
  const JsonValue* find(std::string_view name) const;
};

/// Strict RFC 8259, at most 128 levels deep; invalid UTF-8 and lone surrogates become U+FFFD, as
/// in Go. kBadData tells what is wrong and at which byte.
Result<JsonValue> parse_json(std::string_view text);

}  // namespace silverback::base
