#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/timestamp.h"

namespace silverback::testing {

/// One place in a written sequence of samples.
struct SequenceValue {
  bool omitted = false;  // `_`
  double v = 0;
  std::shared_ptr<const model::Histogram> h;  // set: a histogram
  bool hint_written = false;                  // counter_reset_hint was given: compared
};

struct SeriesLine {
  model::Labels labels;
  std::vector<SequenceValue> values;
};

/// `metric{a="b"} 1 2+1x3 _ stale {{sum:1 count:2}}`.
base::Result<SeriesLine> parse_series_line(std::string_view line);

/// The `1 2+1x3 ...` part alone.
base::Result<std::vector<SequenceValue>> parse_sequence(std::string_view text);

/// `metric{a="b"}@st -1m 30s+5sx2 _`: start timestamps relative to their samples, in ms.
struct StartLine {
  model::Labels labels;
  std::vector<SequenceValue> offsets_ms;  // in v
};
bool is_start_line(std::string_view line);
base::Result<StartLine> parse_start_line(std::string_view line);

/// `{{schema:1 sum:3 buckets:[5 10]}}`, as failures show a histogram.
std::string histogram_notation(const model::Histogram& h);

}  // namespace silverback::testing
