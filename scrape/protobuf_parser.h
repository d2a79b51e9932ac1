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
#include "scrape/histogram_rules.h"
#include "scrape/protobuf_metric.h"

namespace silverback::scrape {

/// Reads a page of length-delimited MetricFamily messages as if it were text: metadata, then one
/// entry a series. Summaries and classic histograms become several series. Nothing is copied but
/// histograms and the texts that name series; views point into the page, which the caller keeps, or
/// into the parser until the next call of next(). Never recurses. Threads: one at a time.
class ProtobufParser {
 public:
  enum class Entry : uint8_t { kEnd, kSeries, kHistogram, kType, kHelp, kUnit, kError };

  ProtobufParser(std::string_view page, HistogramForms forms) : rest_(page), forms_(forms) {}

  /// kError is final.
  Entry next();
  const base::Status& status() const { return status_; }

  // Of a kSeries or kHistogram.
  /// Name and labels, such that different series have different texts.
  std::string_view series_text() const { return text_; }
  double value() const { return value_; }
  const model::Histogram& histogram() const { return histogram_; }
  bool has_timestamp() const { return metric_.t != 0; }
  int64_t timestamp() const { return metric_.t; }
  /// 0 = unknown.
  int64_t start_timestamp() const;
  /// kBadData when a name appears twice. Labels that the target sends with an empty value are
  /// absent from `out` and named in `empty`.
  base::Status labels(model::LabelsBuilder& out, std::vector<std::string>& empty) const;
  /// Those of the entry, in the page's order; without a timestamp only for classic series and
  /// counters. An error is that of status(): the page is broken.
  const std::vector<WireExemplar>& exemplars() const { return exemplars_; }

  // Of metadata; of the family that a series belongs to, too.
  std::string_view metadata_name() const { return family_.name; }
  model::MetricType type() const;
  std::string_view help() const { return family_.help; }
  std::string_view unit() const { return family_.unit; }

 private:
  enum class Stage : uint8_t { kFamily, kHelp, kUnit, kType, kNative, kClassic, kCustom };

  Entry fail(base::Status status);
  bool next_family();
  base::Status check_family() const;
  bool next_metric();
  Stage first_stage() const;
  bool next_stage();
  base::Status emit_native();
  base::Status emit_custom();
  base::Status emit_classic();
  bool is_histogram() const;
  bool is_native() const { return forms_.native && metric_.histogram.is_native(); }
  size_t classic_count() const;
  void name_series(std::string_view suffix, std::string_view label, double bound);
  base::Status add_exemplar(std::string_view message, bool needs_timestamp);
  base::Status add_histogram_exemplars();

  std::string_view rest_;  // of the page
  const HistogramForms forms_;
  base::Status status_;
  Stage stage_ = Stage::kFamily;
  WireFamily family_;
  size_t metric_index_ = 0;
  WireMetric metric_;
  size_t step_ = 0;  // of the classic series of a metric

  std::string label_text_;  // of the metric's labels, as in text_
  std::string text_;
  std::string_view suffix_, extra_label_;  // static
  std::string extra_value_;
  double value_ = 0;
  model::Histogram histogram_;
  std::vector<WireExemplar> exemplars_;
};

}  // namespace silverback::scrape
