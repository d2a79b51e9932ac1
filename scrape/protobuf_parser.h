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
#include "scrape/exposition_parser.h"
#include "scrape/histogram_rules.h"
#include "scrape/protobuf_metric.h"

namespace silverback::scrape {

/// Reads a page of length-delimited MetricFamily messages as if it were text: metadata, then one
/// entry a series. Summaries and classic histograms become several series. Nothing is copied but
/// histograms and the texts that name series. Never recurses. Threads: one at a time.
class ProtobufParser final : public ExpositionParser {
 public:
  static constexpr bool kKnowsStarts = true;

  ProtobufParser(std::string_view page, HistogramForms forms) : rest_(page), forms_(forms) {}

  Entry next() override;
  model::TimestampMs start_timestamp() override;
  model::Histogram& histogram() override { return histogram_; }
  base::Status labels(model::LabelsBuilder& out, std::vector<std::string>& empty) const override;
  /// In the page's order; without a timestamp only for classic series and counters.
  void exemplars(std::vector<model::Exemplar>& out) const override;
  std::string metadata_name() const override { return std::string(family_.name); }
  std::string help() const override { return std::string(family_.help); }
  std::string unit() const override { return std::string(family_.unit); }

 private:
  enum class Stage : uint8_t { kFamily, kHelp, kUnit, kType, kNative, kClassic, kCustom };

  Entry fail(base::Status status);
  Entry emit();
  bool next_family();
  base::Status check_family() const;
  bool next_metric();
  Stage first_stage() const;
  bool next_stage();
  base::Status emit_native();
  base::Status emit_custom();
  base::Status emit_classic();
  bool is_histogram() const;
  model::MetricType metric_type() const;
  bool is_native() const { return forms_.native && metric_.histogram.is_native(); }
  size_t count_classic() const;
  void name_series(std::string_view suffix, std::string_view label, double bound);
  base::Status add_exemplar(std::string_view message, bool needs_timestamp);
  base::Status add_histogram_exemplars();

  std::string_view rest_;  // of the page
  const HistogramForms forms_;
  Stage stage_ = Stage::kFamily;
  WireFamily family_;
  storage::remote::WireReader metrics_;  // of the family
  WireMetric metric_;
  size_t step_ = 0;           // of the classic series of a metric
  size_t classic_count_ = 0;  // how many there are

  std::string label_text_;  // of the metric's labels, as in text_
  std::string text_;
  std::string_view suffix_, extra_label_;  // static
  std::string extra_value_;
  model::Histogram histogram_;
  std::vector<model::Exemplar> exemplars_;
};

}  // namespace silverback::scrape
