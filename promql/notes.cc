#include "promql/notes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/duration.h"
#include "base/go_float.h"
#include "model/labels.h"
#include "promql/ast.h"

namespace silverback::promql {

namespace {

constexpr std::string_view kForcedMonotonic =
    "input to histogram_quantile needed to be fixed for monotonicity (see "
    "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";

// RFC 3339 in whole seconds; format_rfc3339_ms always shows milliseconds.
std::string whole_seconds(model::TimestampMs t) {
  std::string text = base::format_rfc3339_ms(t / 1000 * 1000);
  const size_t dot = text.find('.');
  if (dot != std::string::npos) text.erase(dot, text.find('Z') - dot);
  return text;
}

}  // namespace

std::string for_metric_name(std::string_view name) {
  return name.empty() ? std::string() : " for metric name " + model::go_quote(name);
}

std::string go_g_precision(double v, int precision) {
  if (precision < 0 || !std::isfinite(v)) return base::go_g(v);
  std::array<char, 64> buffer{};
  const int n = std::snprintf(buffer.data(), buffer.size(), "%.*g", precision, v);
  return std::string(buffer.data(), static_cast<size_t>(std::max(n, 0)));
}

std::pair<Notes::Note*, bool> Notes::find_or_add(std::string text, uint32_t pos, bool warning) {
  const auto [at, added] = index_.try_emplace(text, notes_.size());
  if (added) {
    Note note;
    note.text = std::move(text);
    note.warning = warning;
    notes_.push_back(std::move(note));
  }
  Note& note = notes_[at->second];
  note.pos = pos;
  return {&note, added};
}

void Notes::warn(std::string text, uint32_t pos) {
  find_or_add("PromQL warning: " + std::move(text), pos, true);
}

void Notes::info(std::string text, uint32_t pos) {
  find_or_add("PromQL info: " + std::move(text), pos, false);
}

void Notes::forced_monotonic(std::string_view metric_name, uint32_t pos,
                             const ForcedMonotonic& what) {
  std::string text = "PromQL info: " + std::string(kForcedMonotonic);
  text += for_metric_name(metric_name);
  const auto [note, added] = find_or_add(std::move(text), pos, false);
  ++note->count;
  if (added) {
    note->forced = true;
    note->min_t = note->max_t = what.t;
    note->min_bucket = what.min_bucket;
    note->max_bucket = what.max_bucket;
    note->max_diff = what.max_diff;
    return;
  }
  note->min_t = std::min(note->min_t, what.t);
  note->max_t = std::max(note->max_t, what.t);
  note->min_bucket = std::min(note->min_bucket, what.min_bucket);
  note->max_bucket = std::max(note->max_bucket, what.max_bucket);
  note->max_diff = std::max(note->max_diff, what.max_diff);
}

void Notes::start_time_overlap(std::string_view metric_name, uint32_t pos, int64_t times) {
  std::string text =
      "PromQL warning: sample has start time that overlaps with previous sample timestamp for "
      "metric " +
      model::go_quote(metric_name);
  const auto [note, added] = find_or_add(std::move(text), pos, true);
  note->overlap = true;
  note->count += times;
}

std::string Notes::details(const Note& note) {
  if (note.overlap) {
    return note.count > 1 ? " (" + std::to_string(note.count) + " occurrences)" : std::string();
  }
  if (!note.forced) return {};
  return ", from buckets " + base::go_g(note.min_bucket) + " to " + base::go_g(note.max_bucket) +
         ", with a max diff of " + go_g_precision(note.max_diff, 2) + ", over " +
         std::to_string(note.count) + " samples from " + whole_seconds(note.min_t) + " to " +
         whole_seconds(note.max_t);
}

void Notes::finish(std::string_view query, Annotations& out) const {
  for (const Note& note : notes_) {
    std::string text = note.text + details(note) + position_suffix(query, note.pos);
    if (note.warning) {
      out.warn(std::move(text));
    } else {
      out.info(std::move(text));
    }
  }
}

}  // namespace silverback::promql
