#include "scrape/nhcb_parser.h"

#include <cmath>
#include <optional>
#include <utility>

#include "base/go_float.h"

namespace silverback::scrape {
namespace {

// No series of a page begins with it.
constexpr char kHistogramMark = '\xff';

bool cut_suffix(std::string_view& name, std::string_view suffix) {
  if (name.size() < suffix.size() || name.substr(name.size() - suffix.size()) != suffix)
    return false;
  name.remove_suffix(suffix.size());
  return true;
}

}  // namespace

ExpositionParser::Entry NhcbParser::next() {
  if (state_ == State::kGiving) {  // what came behind the histogram is still to be given
    state_ = State::kIdle;
    if (entry_ != Entry::kSeries || !gather() || keep_classic_) return give();
  }
  for (;;) {
    entry_ = inner_.next();
    if (entry_ == Entry::kError) return give();
    if (entry_ == Entry::kType) {
      family_ = inner_.metadata_name();
      type_ = inner_.type();
    }
    if (entry_ != Entry::kSeries) return finish() ? Entry::kHistogram : give();
    const bool classic = look_at_series();
    if (state_ == State::kGathering && !(classic && base_ == gathered_) && finish()) {
      return Entry::kHistogram;
    }
    if (!gather() || keep_classic_) return give();
  }
}

// Whether the newest series is part of a classic histogram.
bool NhcbParser::look_at_series() {
  part_ = Part::kNone;
  if (type_ != model::MetricType::kHistogram) return false;
  if (!inner_.labels(builder_, empty_).is_ok()) return false;  // whoever takes the series finds out
  std::string_view name = builder_.get(model::kMetricName);
  if (cut_suffix(name, "_bucket")) {
    const std::optional<double> bound = base::parse_go_float(builder_.get(model::kBucketLabel));
    if (!bound || std::isnan(*bound)) return false;
    bound_ = *bound;
    part_ = Part::kBucket;
  } else if (cut_suffix(name, "_count")) {
    part_ = Part::kCount;
  } else if (cut_suffix(name, "_sum")) {
    part_ = Part::kSum;
  }
  if (part_ == Part::kNone || name != family_) {
    part_ = Part::kNone;
    return false;
  }
  const std::string base_name(name);  // it views the builder
  builder_.set(model::kMetricName, base_name);
  builder_.del(model::kBucketLabel);
  base_ = builder_.build();
  return true;
}

// Adds the newest series to the histogram; false when it is part of none.
bool NhcbParser::gather() {
  if (part_ == Part::kNone) return false;
  if (state_ != State::kGathering) {
    state_ = State::kGathering;
    classic_.clear();
    gathered_ = base_;
    gathered_empty_ = empty_;
    gathered_exemplars_.clear();
    gathered_start_ = inner_.start_timestamp();
  }
  gathered_own_time_ = inner_.has_timestamp();
  gathered_t_ = inner_.timestamp();
  if (inner_.has_exemplars()) inner_.exemplars(gathered_exemplars_);
  switch (part_) {
    case Part::kBucket: classic_.add_bucket(bound_, inner_.value()); break;
    case Part::kCount: classic_.set_count(inner_.value()); break;
    default: classic_.set_sum(inner_.value()); break;
  }
  return true;
}

// Ends what is being gathered. True: the histogram is to be given now.
bool NhcbParser::finish() {
  if (state_ != State::kGathering) return false;
  state_ = State::kIdle;
  base::Result<model::Histogram> made = classic_.convert();
  if (!made.is_ok()) return false;
  histogram_ = std::move(*made);
  text_.assign(1, kHistogramMark);
  text_.append(gathered_.bytes());
  series_ = text_;
  has_timestamp_ = gathered_own_time_;
  timestamp_ = gathered_t_;
  has_exemplars_ = !gathered_exemplars_.empty();
  state_ = State::kGiving;
  return true;
}

// The newest entry of the other parser.
ExpositionParser::Entry NhcbParser::give() {
  status_ = inner_.status();
  series_ = inner_.series_text();
  value_ = inner_.value();
  has_timestamp_ = inner_.has_timestamp();
  timestamp_ = inner_.timestamp();
  has_exemplars_ = inner_.has_exemplars();
  return entry_;
}

model::TimestampMs NhcbParser::start_timestamp() {
  return state_ == State::kGiving ? gathered_start_ : inner_.start_timestamp();
}

model::Histogram& NhcbParser::histogram() {
  return histogram_;
}

base::Status NhcbParser::labels(model::LabelsBuilder& out, std::vector<std::string>& empty) const {
  if (state_ != State::kGiving) return inner_.labels(out, empty);
  out.reset(gathered_);
  empty = gathered_empty_;
  return {};
}

void NhcbParser::exemplars(std::vector<model::Exemplar>& out) const {
  if (state_ != State::kGiving) return inner_.exemplars(out);
  out.insert(out.end(), gathered_exemplars_.begin(), gathered_exemplars_.end());
}

}  // namespace silverback::scrape
