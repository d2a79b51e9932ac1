#include "rules/rule_dependencies.h"

#include <algorithm>

#include "model/labels.h"
#include "model/matcher.h"

namespace silverback::rules {

namespace {

using promql::ExprKind;
using Selectors = std::vector<const promql::VectorSelector*>;

void collect_selectors(const promql::Expr& expr, Selectors& out) {
  switch (expr.kind) {
    case ExprKind::kNumber:
    case ExprKind::kString: return;
    case ExprKind::kVectorSelector:
      out.push_back(static_cast<const promql::VectorSelector*>(&expr));
      return;
    case ExprKind::kMatrixSelector:
      out.push_back(static_cast<const promql::MatrixSelector&>(expr).selector.get());
      return;
    case ExprKind::kSubquery:
      return collect_selectors(*static_cast<const promql::Subquery&>(expr).expr, out);
    case ExprKind::kUnary:
      return collect_selectors(*static_cast<const promql::UnaryExpr&>(expr).operand, out);
    case ExprKind::kParen:
      return collect_selectors(*static_cast<const promql::ParenExpr&>(expr).expr, out);
    case ExprKind::kBinary: {
      const auto& binary = static_cast<const promql::BinaryExpr&>(expr);
      collect_selectors(*binary.lhs, out);
      return collect_selectors(*binary.rhs, out);
    }
    case ExprKind::kAggregate: {
      const auto& aggregate = static_cast<const promql::AggregateExpr&>(expr);
      collect_selectors(*aggregate.expr, out);
      if (aggregate.param) collect_selectors(*aggregate.param, out);
      return;
    }
    case ExprKind::kCall:
      for (const auto& arg : static_cast<const promql::Call&>(expr).args) {
        collect_selectors(*arg, out);
      }
      return;
  }
}

const model::Matcher* matcher_for(const promql::VectorSelector& selector, std::string_view label) {
  const auto it = std::find_if(selector.matchers.begin(), selector.matchers.end(),
                               [&](const model::Matcher& m) { return m.name() == label; });
  return it == selector.matchers.end() ? nullptr : &*it;
}

/// Whether a selector with that name matcher can see what `rule` writes.
bool reads(const promql::VectorSelector& selector, const model::Matcher& name,
           const RuleInputs& rule) {
  if (name.matches(rule.name)) return true;
  const bool alerts = name.matches("ALERTS") || name.matches("ALERTS_FOR_STATE");
  if (!alerts || !rule.alerting) return false;
  const model::Matcher* alert = matcher_for(selector, "alertname");
  return alert == nullptr || alert->matches(rule.name);
}

}  // namespace

RuleBatches sequential_batches(size_t rules) {
  RuleBatches batches;
  for (size_t i = 0; i < rules; ++i) batches.push_back({i});
  return batches;
}

RuleBatches concurrent_batches(const std::vector<RuleInputs>& rules) {
  std::vector<bool> reader(rules.size()), read(rules.size());
  for (size_t i = 0; i < rules.size() && rules.size() > 1; ++i) {
    if (rules[i].expr == nullptr) return sequential_batches(rules.size());
    Selectors selectors;
    collect_selectors(*rules[i].expr, selectors);
    for (const promql::VectorSelector* selector : selectors) {
      const model::Matcher* name = matcher_for(*selector, model::kMetricName);
      if (name == nullptr) return sequential_batches(rules.size());
      // Later rules are read as they were an iteration ago: that is no dependency.
      for (size_t j = 0; j < i; ++j) {
        if (!reads(*selector, *name, rules[j])) continue;
        reader[i] = true;
        read[j] = true;
      }
    }
  }
  std::vector<size_t> first, last;
  RuleBatches batches;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!reader[i]) first.push_back(i);
    if (reader[i] && !read[i]) last.push_back(i);
  }
  if (!first.empty()) batches.push_back(std::move(first));
  for (size_t i = 0; i < rules.size(); ++i) {
    if (reader[i] && read[i]) batches.push_back({i});
  }
  if (!last.empty()) batches.push_back(std::move(last));
  return batches;
}

}  // namespace silverback::rules
