#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "scrape/exposition_parser.h"
#include "scrape/nhcb.h"

namespace silverback::scrape {

/// Reads another parser's entries and gathers the series of each classic
/// histogram, as far as its TYPE line says that it is one, into a native
/// histogram with custom buckets. That one comes when all its series have; they
/// themselves come only if asked for. What contradicts itself comes as nothing.
/// Threads: one at a time.
class NhcbParser final : public ExpositionParser {
 public:
  static constexpr bool kKnowsStarts = true;  // as far as `inner` does

  NhcbParser(ExpositionParser& inner, bool keep_classic)
      : inner_(inner), keep_classic_(keep_classic) {}

  Entry next() override;
  model::TimestampMs start_timestamp() override;
  model::Histogram& histogram() override;
  base::Status labels(model::LabelsBuilder& out, std::vector<std::string>& empty) const override;
  void exemplars(std::vector<model::Exemplar>& out) const override;
  std::string metadata_name() const override { return inner_.metadata_name(); }
  std::string help() const override { return inner_.help(); }
  std::string unit() const override { return inner_.unit(); }

 private:
  enum class State : uint8_t { kIdle, kGathering, kGiving };
  enum class Part : uint8_t { kNone, kBucket, kCount, kSum };

  bool look_at_series();
  Entry give();
  bool gather();
  bool finish();

  ExpositionParser& inner_;
  const bool keep_classic_;
  State state_ = State::kIdle;
  Entry entry_ = Entry::kEnd;  // of inner_, the newest
  std::string family_;         // of the last TYPE line

  // Of the newest series, if it is part of a classic histogram.
  Part part_ = Part::kNone;
  double bound_ = 0;
  model::Labels base_;  // labels of the histogram
  std::vector<std::string> empty_;

  // What is gathered, and then given.
  ClassicHistogram classic_;
  model::Labels gathered_;
  std::vector<std::string> gathered_empty_;
  std::vector<model::Exemplar> gathered_exemplars_;
  bool gathered_own_time_ = false;
  model::TimestampMs gathered_t_ = 0, gathered_start_ = 0;
  model::Histogram histogram_;
  std::string text_;
  model::LabelsBuilder builder_;  // reused
};

}  // namespace silverback::scrape
