// Rule files: any bytes are read or refused with a reason that names the file, and what was read
// keeps the promises that groups rely on.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "promql/ast.h"
#include "promql/parser.h"
#include "rules/rule_file.h"

namespace base = silverback::base;
namespace promql = silverback::promql;
namespace rules = silverback::rules;

namespace {

void require(bool held) {
  if (!held) __builtin_trap();
}

void check(const rules::RuleGroupConfig& group) {
  require(!group.name.empty() && group.file == "fuzz.yml");
  require(group.interval_ms >= 0 && group.query_offset_ms >= -1);
  for (const rules::RuleConfig& rule : group.rules) {
    require(rule.record.empty() != rule.alert.empty());
    require(rule.for_ms >= 0 && rule.keep_firing_for_ms >= 0);
    require(promql::parse_expr(rule.expr, {}).is_ok());
    require(rule.record.empty() ||
            (rule.annotations.empty() && rule.for_ms == 0 && rule.keep_firing_for_ms == 0));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 8192) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto groups = rules::parse_rule_file(text, "fuzz.yml", {});
  if (!groups.is_ok()) {
    require(groups.status().message().starts_with("fuzz.yml"));
    return 0;
  }
  for (const rules::RuleGroupConfig& group : *groups) check(group);
  return 0;
}
