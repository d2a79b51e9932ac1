#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/timestamp.h"
#include "promql/annotations.h"

namespace silverback::promql {

/// Collects what an evaluation has to say. Equal texts are one note, at the position given last;
/// positions are added only at the end. Threads: one at a time.
class Notes {
 public:
  /// `text` without prefix ("PromQL warning: ") and position; `pos` = offset into the query.
  void warn(std::string text, uint32_t pos);
  void info(std::string text, uint32_t pos);

  /// One step of one classic histogram whose buckets had to be raised; merged over steps.
  struct ForcedMonotonic {
    model::TimestampMs t = 0;
    double min_bucket = 0, max_bucket = 0, max_diff = 0;
  };
  void forced_monotonic(std::string_view metric_name, uint32_t pos, const ForcedMonotonic& what);
  /// A start timestamp before the former sample, `times` times.
  void start_time_overlap(std::string_view metric_name, uint32_t pos, int64_t times);

  /// Adds everything to `out`, with positions in `query`, in order of first appearance.
  void finish(std::string_view query, Annotations& out) const;

 private:
  struct Note {
    std::string text;
    uint32_t pos = 0;
    bool warning = false;
    bool forced = false, overlap = false;
    model::TimestampMs min_t = 0, max_t = 0;
    double min_bucket = 0, max_bucket = 0, max_diff = 0;
    int64_t count = 0;
  };
  /// The note of that text, and whether it is new; its position is moved to `pos`.
  std::pair<Note*, bool> find_or_add(std::string text, uint32_t pos, bool warning);
  static std::string details(const Note& note);

  std::vector<Note> notes_;
  std::unordered_map<std::string, size_t> index_;
};

/// " for metric name \"x\"", or nothing when the name is empty.
std::string for_metric_name(std::string_view name);
/// Go's %g with the given precision (%.2g); negative = shortest.
std::string go_g_precision(double v, int precision);

}  // namespace silverback::promql
