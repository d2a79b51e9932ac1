#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "promql/ast.h"
#include "promql/ast_json.h"
#include "promql/parser.h"

namespace {

using silverback::base::Result;
using silverback::promql::ExprPtr;
using silverback::promql::ParserOptions;

std::string json_of(const silverback::promql::Expr& expr) {
  std::string json;
  silverback::base::JsonWriter w(json);
  silverback::promql::write_ast_json(w, expr);
  return json;
}

/// Parses text that a printer wrote and prints it again: nothing may change. Gives the tree's JSON,
/// "" when there is no tree.
std::string check_fixpoint(const std::string& printed, const std::string& reparsed_from) {
  const Result<ExprPtr> again =
      silverback::promql::parse_expr(reparsed_from, ParserOptions{true, true, true});
  if (!again.is_ok()) {
    // A range below a millisecond is printed as 0s, as in Prometheus.
    if (again.status().message().find("duration must be greater than 0") != std::string::npos)
      return "";
    std::fprintf(stderr, "%s: %s\n", reparsed_from.c_str(), again.status().message().c_str());
    std::abort();
  }
  if (silverback::promql::print_expr(**again) != printed) {
    std::fprintf(stderr, "%s becomes %s\n", printed.c_str(),
                 silverback::promql::print_expr(**again).c_str());
    std::abort();
  }
  return json_of(**again);
}

}  // namespace

/// parse -> print -> parse is a fixpoint, for both printers; no text crashes the parser.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  silverback::promql::parse_metric_selector(text).status().permit_unchecked("only must not crash");
  silverback::promql::parse_expr(text).status().permit_unchecked("only must not crash");
  const Result<ExprPtr> parsed =
      silverback::promql::parse_expr(text, ParserOptions{true, true, true});
  if (!parsed.is_ok()) return 0;
  const std::string printed = silverback::promql::print_expr(**parsed);
  json_of(**parsed);  // only must not crash: the printed form may cut durations
  const std::string json = check_fixpoint(printed, printed);
  const std::string pretty = silverback::promql::pretty_print_expr(**parsed);
  if (check_fixpoint(printed, pretty) != json) {
    std::fprintf(stderr, "%s and %s are different trees\n", printed.c_str(), pretty.c_str());
    std::abort();
  }
  return 0;
}
