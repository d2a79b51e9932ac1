#include "tsdb/head_appender.h"

#include <utility>

namespace silverback::tsdb {
namespace {

base::Status stale_ref() {
  return base::Status(base::Errc::kStaleRef, "the series reference is gone");
}

}  // namespace

HeadAppender::HeadAppender(Head& head, base::metrics::Gauge& active)
    : head_(head), active_(active), keeps_exemplars_(head.exemplars().enabled()) {
  active_.add(1);
}

HeadAppender::~HeadAppender() {
  active_.add(-1);
}

base::Result<storage::SeriesRef> HeadAppender::resolve(const model::Labels& labels) {
  ASSIGN_OR_RETURN(const MemSeries* series, head_.table().resolve(labels));
  return series->ref;
}

base::Status HeadAppender::append_column(storage::TargetId /*target*/, model::TimestampMs t,
                                         std::span<const storage::SeriesRef> refs,
                                         std::span<const double> values,
                                         std::vector<size_t>* dead) {
  if (refs.size() != values.size()) {
    return base::Status(base::Errc::kInternal, "a column needs one value for each series");
  }
  const size_t before = batch_.samples.size();
  bool gone = false;
  batch_.samples.reserve(before + refs.size());
  for (size_t i = 0; i < refs.size(); ++i) {
    MemSeries* series = head_.table().find(refs[i]);
    if (series == nullptr) {
      gone = true;
      if (dead != nullptr) dead->push_back(i);
      continue;
    }
    batch_.samples.push_back({series, 0, t, values[i], Batch::kFloat, false});
  }
  if (!gone) return {};
  batch_.samples.resize(before);
  return stale_ref();
}

base::Status HeadAppender::append(storage::SeriesRef ref, model::TimestampMs start,
                                  model::TimestampMs t, double value) {
  MemSeries* series = head_.table().find(ref);
  if (series == nullptr) return stale_ref();
  batch_.samples.push_back({series, start, t, value, Batch::kFloat, false});
  return {};
}

base::Status HeadAppender::append(storage::SeriesRef ref, model::TimestampMs start,
                                  model::TimestampMs t, const model::Histogram& h) {
  MemSeries* series = head_.table().find(ref);
  if (series == nullptr) return stale_ref();
  RETURN_IF_ERROR(h.validate());
  batch_.samples.push_back(
      {series, start, t, 0, static_cast<uint32_t>(batch_.histograms.size()), false});
  batch_.histograms.push_back(h);
  return {};
}

base::Status HeadAppender::append_start(storage::SeriesRef ref, model::TimestampMs start,
                                        model::TimestampMs t, const model::Histogram* like) {
  MemSeries* series = head_.table().find(ref);
  if (series == nullptr) return stale_ref();
  if (start <= 0 || start >= t) return {};
  Batch::Sample sample;
  sample.series = series;
  sample.t = start;
  sample.only_if_newer = true;
  if (like != nullptr) {
    model::Histogram zero;
    zero.hint = model::CounterResetHint::kReset;
    zero.integer = like->integer;
    zero.schema = like->schema;
    zero.zero_threshold = like->zero_threshold;
    zero.custom_values = like->custom_values;
    sample.histogram = static_cast<uint32_t>(batch_.histograms.size());
    batch_.histograms.push_back(std::move(zero));
  }
  batch_.samples.push_back(sample);
  return {};
}

base::Status HeadAppender::append_exemplar(storage::SeriesRef ref, const model::Exemplar& e) {
  MemSeries* series = head_.table().find(ref);
  if (series == nullptr) return stale_ref();
  if (keeps_exemplars_) batch_.exemplars.push_back({series, e});
  return {};
}

void HeadAppender::commit(storage::Durability wanted, Done done) {
  if (spent_) {
    done(base::Status(base::Errc::kInternal, "an appender commits once"), {});
    return;
  }
  spent_ = true;
  head_.commit(batch_, wanted, std::move(done));
}

}  // namespace silverback::tsdb
