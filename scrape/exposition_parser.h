#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"

namespace silverback::scrape {

/// A series text that was seen before: its length and XXH3-64.
struct SeriesPrediction {
  uint64_t hash = 0;
  size_t length = 0;
};

/// Reads one page of some exposition format, entry by entry. What every sample has is kept in the
/// base, so that reading it costs no virtual call; formats fill it in. Views point into the page,
/// which the caller keeps, or into the parser, and hold until the next entry.
/// Threads: one at a time.
class ExpositionParser {
 public:
  enum class Entry : uint8_t { kEnd, kSeries, kHistogram, kType, kHelp, kUnit, kError };

  virtual ~ExpositionParser() = default;

  /// Formats that tell start_timestamp() hide it.
  static constexpr bool kKnowsStarts = false;

  /// Formats that can tell a known line without lexing it hide these three (the read loop is
  /// compiled for the parser's own type). find_entry(): stands at the next entry; false at the end.
  /// take_predicted(): takes the entry there as the predicted series; after true, look at status().
  /// relex(): lexes a predicted series after all, for its labels.
  bool find_entry() { return true; }
  bool take_predicted(const SeriesPrediction& /*expected*/) { return false; }
  virtual void relex() {}

  /// The next entry. kError is final: status() tells.
  virtual Entry next() = 0;
  const base::Status& status() const { return status_; }

  // Of the kSeries or kHistogram just taken.
  /// Stands for the labels: equal texts are equal label sets, for the life of the target.
  std::string_view series_text() const { return series_; }
  double value() const { return value_; }  // kSeries
  bool has_timestamp() const { return has_timestamp_; }
  model::TimestampMs timestamp() const { return timestamp_; }
  /// Created time of the series, 0 = unknown.
  virtual model::TimestampMs start_timestamp() { return 0; }
  /// kHistogram; not yet validated. May be moved from.
  virtual model::Histogram& histogram();
  /// Labels of the series, with le and quantile in their OpenMetrics layout; after relex() when the
  /// series was predicted. kBadData when a name appears twice. Labels that the target sends with
  /// an empty value are absent from `out` and named in `empty`.
  virtual base::Status labels(model::LabelsBuilder& out, std::vector<std::string>& empty) const = 0;
  bool has_exemplars() const { return has_exemplars_; }
  /// Adds those of the entry; t = 0 where they carry no time.
  virtual void exemplars(std::vector<model::Exemplar>& /*out*/) const {}

  // Of the kType, kHelp or kUnit just taken; type() goes on to hold for the series that follow.
  virtual std::string metadata_name() const = 0;
  model::MetricType type() const { return type_; }
  virtual std::string help() const = 0;                       // kHelp
  virtual std::string unit() const { return std::string(); }  // kUnit

 protected:
  ExpositionParser() = default;
  ExpositionParser(const ExpositionParser&) = default;
  ExpositionParser& operator=(const ExpositionParser&) = default;

  base::Status status_;
  std::string_view series_;
  double value_ = 0;
  bool has_timestamp_ = false;
  model::TimestampMs timestamp_ = 0;
  bool has_exemplars_ = false;
  model::MetricType type_ = model::MetricType::kUnknown;
};

}  // namespace silverback::scrape
