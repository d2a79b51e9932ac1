#include "tsdb/series_set.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "tsdb/chunkenc/chunk.h"

namespace silverback::tsdb {
namespace {

using base::Errc;
using base::Status;

/// The order in which the entries of a column are to stand; the last of equal timestamps stays.
std::vector<size_t> wanted_order(const std::vector<model::TimestampMs>& t) {
  std::vector<size_t> order(t.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&t](size_t a, size_t b) { return t[a] < t[b]; });
  std::vector<size_t> out;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i + 1 == order.size() || t[order[i]] != t[order[i + 1]]) out.push_back(order[i]);
  }
  return out;
}

template <typename T>
void reorder(std::vector<T>& values, const std::vector<size_t>& order) {
  if (values.empty()) return;
  std::vector<T> out;
  out.reserve(order.size());
  for (const size_t i : order) out.push_back(std::move(values[i]));
  values = std::move(out);
}

bool ascending(const std::vector<model::TimestampMs>& t) {
  return std::adjacent_find(t.begin(), t.end(), [](auto a, auto b) { return a >= b; }) == t.end();
}

}  // namespace

void normalise(storage::ColumnBuffer& b) {
  if (!b.start.empty()) b.start.resize(b.t.size());
  if (!b.histogram_start.empty()) b.histogram_start.resize(b.histogram_t.size());
  if (!ascending(b.t)) {
    const std::vector<size_t> order = wanted_order(b.t);
    reorder(b.t, order);
    reorder(b.v, order);
    reorder(b.start, order);
  }
  if (!ascending(b.histogram_t)) {
    const std::vector<size_t> order = wanted_order(b.histogram_t);
    reorder(b.histogram_t, order);
    reorder(b.histograms, order);
    reorder(b.histogram_start, order);
  }
}

// The version comes first: its partitions hold nothing beyond a sequence published before it was
// installed, so the view's sequence covers them.
ReadView::ReadView(Head& opened_head, const VersionSet& versions,
                   storage::QuerierOptions querier_options)
    : head(opened_head),
      options(std::move(querier_options)),
      version(versions.current()),
      sequence(opened_head.readers().open(opened_head.published())) {}

ReadView::~ReadView() {
  head.readers().close(sequence);
}

Status ReadView::check_stop() const {
  if (!options.stop.stop_requested()) return {};
  return Status(Errc::kCanceled, "the query was canceled");
}

Status ReadView::charge(size_t bytes) const {
  if (options.budget == nullptr) return {};
  return options.budget->charge(static_cast<int64_t>(bytes));
}

void ReadView::release(size_t bytes) const {
  if (options.budget != nullptr && bytes > 0) options.budget->release(static_cast<int64_t>(bytes));
}

bool ReadView::head_has_samples(const MemSeries& series, model::TimeRange range) const {
  base::MutexLock lock(head.table().shard(series.ref.slot));
  return series.has_samples(range, sequence, version->flushed);
}

Status ReadView::read_head(const MemSeries& series, model::TimeRange range,
                           storage::ColumnBuffer& into) const {
  SealedChunks chunks;
  {
    base::MutexLock lock(head.table().shard(series.ref.slot));
    range.until = std::min(range.until, series.visible_until(sequence));
    series.collect(range, version->flushed, chunks);
  }
  for (const auto& chunk : chunks) {
    RETURN_IF_ERROR(chunkenc::decode_chunk(chunk->bytes, range, into));
  }
  return {};
}

TsdbSeriesSet::TsdbSeriesSet(std::shared_ptr<const Selection> selection)
    : selection_(std::move(selection)), next_(0), end_(selection_->series.size()) {}

TsdbSeriesSet::TsdbSeriesSet(std::shared_ptr<const Selection> selection, size_t from, size_t end)
    : selection_(std::move(selection)), next_(from), end_(end) {}

TsdbSeriesSet::~TsdbSeriesSet() {
  selection_->view->release(charged_bytes_);
}

bool TsdbSeriesSet::next() {
  have_labels_ = false;
  if (!status_.is_ok() || next_ == end_) {
    current_ = nullptr;
    return false;
  }
  if (next_ % 1000 == 0) {
    status_ = selection_->view->check_stop();
    if (!status_.is_ok()) return false;
  }
  current_ = &selection_->series[next_++];
  return true;
}

const model::Labels& TsdbSeriesSet::labels() {
  if (!selection_->labels.empty()) return selection_->labels[next_ - 1];
  if (current_->in_head != nullptr) return current_->in_head->labels;
  if (have_labels_) return labels_;
  const PartitionPlace& place = selection_->places[current_->first_place];
  auto found =
      selection_->view->version->partitions[place.partition]->partition().labels(place.rank);
  if (found.is_ok()) {
    labels_ = std::move(found).value();
  } else {
    labels_ = model::Labels();
    status_ = found.status();
  }
  have_labels_ = true;
  return labels_;
}

Status TsdbSeriesSet::read(model::TimeRange range, storage::ColumnBuffer& into) {
  const ReadView& view = *selection_->view;
  view.release(std::exchange(charged_bytes_, 0));
  into.clear();
  RETURN_IF_ERROR(view.check_stop());
  for (uint32_t i = 0; i < current_->places; ++i) {
    const PartitionPlace& place = selection_->places[current_->first_place + i];
    const PartitionHandle& handle = *view.version->partitions[place.partition];
    if (handle.meta().max_time_ms <= range.after || handle.meta().min_time_ms > range.until)
      continue;
    RETURN_IF_ERROR(handle.partition().read(place.rank, range, into));
  }
  if (current_->in_head != nullptr)
    RETURN_IF_ERROR(view.read_head(*current_->in_head, range, into));
  normalise(into);
  const size_t bytes = into.bytes();
  RETURN_IF_ERROR(view.charge(bytes));
  charged_bytes_ = bytes;
  return {};
}

std::vector<std::unique_ptr<storage::SeriesSet>> TsdbSeriesSet::split() {
  std::vector<std::unique_ptr<storage::SeriesSet>> out;
  for (size_t from = next_; from < end_; from += storage::kSeriesPerBlock) {
    out.push_back(std::make_unique<TsdbSeriesSet>(selection_, from,
                                                  std::min(end_, from + storage::kSeriesPerBlock)));
  }
  next_ = end_;
  return out;
}

}  // namespace silverback::tsdb
