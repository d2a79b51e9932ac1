#pragma once

#include <string>
#include <string_view>

#include "promql/parser.h"

namespace silverback::promql {

/// A query that is refused: `error` is "<line>:<col>|<message>".
struct ErrorRow {
  const char* text;
  const char* error;
};

inline constexpr ParserOptions kAllFeatures{true, true, true};

inline std::string error_of(std::string_view text, const ParserOptions& options) {
  const base::Result<ExprPtr> parsed = parse_expr(text, options);
  return parsed.is_ok() ? "(parsed)" : parsed.status().message();
}

inline std::string expected_error(const ErrorRow& row) {
  std::string text = row.error;
  return text.replace(text.find('|'), 1, ": parse error: ");
}

}  // namespace silverback::promql
