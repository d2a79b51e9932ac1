#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "model/regex.h"
#include "promql/call.h"
#include "promql/function_impl.h"

namespace silverback::promql {

namespace {

/// Makes room for a label of up to `bytes` and takes account of what it became: labels can double
/// at every call.
template <typename Set>
base::Status charge_label(StepValue& value, StepSeries& series, size_t bytes, Set set) {
  constexpr size_t kCopies = 3;  // the text, the builder's, the labels'
  const size_t before = series.labels.bytes().size();
  const int64_t room = static_cast<int64_t>(before + kCopies * bytes);
  RETURN_IF_ERROR(value.charge.add_bytes(room));
  set();
  const int64_t grown =
      static_cast<int64_t>(series.labels.bytes().size()) - static_cast<int64_t>(before);
  value.charge.give_back(room - std::max<int64_t>(grown, 0));
  return {};
}

/// Sets the label and, when it is the name itself, takes back that it is to be dropped.
void set_label(StepSeries& series, const std::string& name, std::string_view value) {
  model::LabelsBuilder builder(series.labels);
  builder.set(name, value);
  series.labels = builder.build();
  if (name == model::kMetricName) series.drop_name = false;
}

/// Both label functions join equal series in every mode.
base::Status unite(Evaluator& ev, StepValue& value, const StepGrid& grid) {
  if (grid.instant() && ev.options().delayed_name_removal) return ev.refuse_equal_labels(value);
  return ev.unite_equal_labels(value, grid);
}

base::Result<StepValue> eval_label_replace(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  const std::string& destination = string_argument(expr, 1);
  const std::string& replacement = string_argument(expr, 2);
  const std::string& source = string_argument(expr, 3);
  const std::string& pattern = string_argument(expr, 4);
  const base::Result<model::Regex> regex = model::Regex::compile(pattern);
  if (!regex.is_ok()) {
    return execution_error("invalid regular expression in label_replace(): " + pattern);
  }
  if (!model::is_valid_name(destination)) {
    return execution_error("invalid destination label name in label_replace(): " + destination);
  }
  ASSIGN_OR_RETURN(StepValue value, ev.eval(*expr.args[0], grid));
  for (StepSeries& s : value.series) {
    const std::string text(s.labels.get(source));
    const std::optional<std::vector<std::string_view>> groups = regex->captures(text);
    if (!groups) continue;
    const auto references =
        static_cast<size_t>(std::count(replacement.begin(), replacement.end(), '$'));
    RETURN_IF_ERROR(charge_label(value, s, replacement.size() + references * text.size(), [&] {
      set_label(s, destination, regex->expand(replacement, *groups));
    }));
  }
  RETURN_IF_ERROR(unite(ev, value, grid));
  return value;
}

base::Result<StepValue> eval_label_join(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  const std::string& destination = string_argument(expr, 1);
  const std::string& separator = string_argument(expr, 2);
  for (size_t i = 3; i < expr.args.size(); ++i) {
    const std::string& source = string_argument(expr, i);
    if (!model::is_valid_name(source)) {
      return execution_error("invalid source label name in label_join(): " + source);
    }
  }
  if (!model::is_valid_name(destination)) {
    return execution_error("invalid destination label name in label_join(): " + destination);
  }
  ASSIGN_OR_RETURN(StepValue value, ev.eval(*expr.args[0], grid));
  for (StepSeries& s : value.series) {
    size_t bytes = 0;
    for (size_t i = 3; i < expr.args.size(); ++i) {
      bytes += separator.size() + s.labels.get(string_argument(expr, i)).size();
    }
    RETURN_IF_ERROR(charge_label(value, s, bytes, [&] {
      std::string joined;
      for (size_t i = 3; i < expr.args.size(); ++i) {
        if (i > 3) joined += separator;
        joined += s.labels.get(string_argument(expr, i));
      }
      set_label(s, destination, joined);
    }));
  }
  RETURN_IF_ERROR(unite(ev, value, grid));
  return value;
}

/// sort and its like do nothing to a range query but to say so.
void note_sort(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  if (grid.instant()) return;
  ev.notes().warn(
      "sort is ineffective for range queries since results are always ordered by labels",
      expr.pos.start);
}

base::Result<StepValue> sort_by_value(Evaluator& ev, const Call& expr, const StepGrid& grid,
                                      bool descending) {
  ASSIGN_OR_RETURN(StepValue value, ev.eval(*expr.args[0], grid));
  note_sort(ev, expr, grid);
  for (StepSeries& s : value.series) {
    for (size_t i = 0; i < s.steps(); ++i) {
      if (!s.is_float(i)) s.clear(i);
    }
  }
  remove_empty(value.series);
  if (!grid.instant()) return value;
  std::stable_sort(value.series.begin(), value.series.end(),
                   [descending](const StepSeries& a, const StepSeries& b) {
                     const double va = a.values[0];
                     const double vb = b.values[0];
                     if (std::isnan(va) || std::isnan(vb)) return !std::isnan(va);  // NaN last
                     return descending ? va > vb : va < vb;
                   });
  return value;
}

base::Result<StepValue> eval_sort(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  return sort_by_value(ev, expr, grid, false);
}
base::Result<StepValue> eval_sort_desc(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  return sort_by_value(ev, expr, grid, true);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The longest run of digits, or of anything else, at the front.
std::string_view first_chunk(std::string_view s) {
  size_t n = 1;
  while (n < s.size() && is_digit(s[n]) == is_digit(s[0])) ++n;
  return s.substr(0, n);
}

std::optional<int64_t> as_number(std::string_view chunk) {
  int64_t n = 0;
  const auto [end, error] = std::from_chars(chunk.data(), chunk.data() + chunk.size(), n);
  if (error != std::errc() || end != chunk.data() + chunk.size() || !is_digit(chunk[0])) {
    return std::nullopt;
  }
  return n;
}

/// Whether `a` comes before `b`, runs of digits by their value: "a2" before "a10".
bool natural_less(std::string_view a, std::string_view b) {
  while (!a.empty()) {
    if (b.empty()) return false;
    const std::string_view ca = first_chunk(a);
    const std::string_view cb = first_chunk(b);
    const std::optional<int64_t> na = as_number(ca);
    const std::optional<int64_t> nb = as_number(cb);
    const bool numbers = na && nb;
    if (numbers && *na != *nb) return *na < *nb;
    if (!numbers && ca != cb) return ca < cb;
    a.remove_prefix(ca.size());
    b.remove_prefix(cb.size());
    // The one that ends here is the smaller; both ending counts as smaller too.
    if (a.empty()) return true;
    if (b.empty()) return false;
  }
  return false;
}

base::Result<StepValue> sort_by_labels(Evaluator& ev, const Call& expr, const StepGrid& grid,
                                       bool descending) {
  ASSIGN_OR_RETURN(StepValue value, ev.eval(*expr.args[0], grid));
  note_sort(ev, expr, grid);
  if (!grid.instant()) return value;
  const auto less = [&expr](const StepSeries& a, const StepSeries& b) {
    for (size_t i = 1; i < expr.args.size(); ++i) {
      const std::string_view va = a.labels.get(string_argument(expr, i));
      const std::string_view vb = b.labels.get(string_argument(expr, i));
      if (va == vb) continue;
      // "1" and "01" are each before the other; the longer text decides then.
      if (natural_less(va, vb) != natural_less(vb, va)) return natural_less(va, vb);
      return va.size() < vb.size();
    }
    return model::Labels::compare(a.labels, b.labels) < 0;
  };
  std::stable_sort(value.series.begin(), value.series.end(),
                   [&](const StepSeries& a, const StepSeries& b) {
                     return descending ? less(b, a) : less(a, b);
                   });
  return value;
}

base::Result<StepValue> eval_sort_by_label(Evaluator& ev, const Call& expr, const StepGrid& grid) {
  return sort_by_labels(ev, expr, grid, false);
}
base::Result<StepValue> eval_sort_by_label_desc(Evaluator& ev, const Call& expr,
                                                const StepGrid& grid) {
  return sort_by_labels(ev, expr, grid, true);
}

}  // namespace

namespace impl {
const FunctionImpl label_join = {.call = &eval_label_join};
const FunctionImpl label_replace = {.call = &eval_label_replace};
const FunctionImpl sort = {.call = &eval_sort};
const FunctionImpl sort_by_label = {.call = &eval_sort_by_label};
const FunctionImpl sort_by_label_desc = {.call = &eval_sort_by_label_desc};
const FunctionImpl sort_desc = {.call = &eval_sort_desc};
}  // namespace impl

}  // namespace silverback::promql
