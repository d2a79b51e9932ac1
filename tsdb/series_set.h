#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "storage/querier.h"
#include "storage/query_budget.h"
#include "tsdb/head.h"
#include "tsdb/tsdb_version.h"

namespace silverback::tsdb {

/// What a Querier opened on: a version, a sequence and the head. Keeps them alive.
/// Threads: any thread.
class ReadView {
 public:
  ReadView(Head& opened_head, const VersionSet& versions, storage::QuerierOptions querier_options);
  ~ReadView();
  ReadView(const ReadView&) = delete;
  ReadView& operator=(const ReadView&) = delete;

  /// kCanceled once the query is to stop.
  base::Status check_stop() const;
  base::Status charge(size_t bytes) const;
  void release(size_t bytes) const;
  bool head_has_samples(const MemSeries& series, model::TimeRange range) const;
  /// Appends what the view sees of the head's samples inside `range`.
  base::Status read_head(const MemSeries& series, model::TimeRange range,
                         storage::ColumnBuffer& into) const;

  Head& head;
  const storage::QuerierOptions options;
  const std::shared_ptr<const TsdbVersion> version;  // before `sequence`: see the constructor
  const uint64_t sequence;
};

/// One series of a selection: where its samples are.
struct SelectedSeries {
  model::LabelHash hash;
  MemSeries* in_head = nullptr;
  uint32_t first_place = 0, places = 0;  // in Selection::places
};
struct PartitionPlace {
  uint32_t partition = 0;  // index into TsdbVersion::partitions, ascending within a series
  uint32_t rank = 0;
};

/// The series a select found. Immutable once built; shared by its SeriesSets.
struct Selection {
  explicit Selection(std::shared_ptr<const ReadView> v) : view(std::move(v)) {}
  ~Selection() { view->release(charged_bytes); }
  Selection(const Selection&) = delete;
  Selection& operator=(const Selection&) = delete;

  const std::shared_ptr<const ReadView> view;
  std::vector<SelectedSeries> series;
  std::vector<PartitionPlace> places;
  std::vector<model::Labels> labels;  // by series, only when sorted by label
  size_t charged_bytes = 0;
};

/// Finds the series of head and partitions and joins them by hash.
base::Result<std::shared_ptr<const Selection>> make_selection(std::shared_ptr<const ReadView> view,
                                                              const storage::SelectHints& hints,
                                                              const model::Matchers& matchers);

/// Series [from, end) of a Selection.
class TsdbSeriesSet final : public storage::SeriesSet {
 public:
  explicit TsdbSeriesSet(std::shared_ptr<const Selection> selection);
  TsdbSeriesSet(std::shared_ptr<const Selection> selection, size_t from, size_t end);
  ~TsdbSeriesSet() override;

  bool next() override;
  base::Status status() const override { return status_; }
  const model::Labels& labels() override;
  base::Status read(model::TimeRange range, storage::ColumnBuffer& into) override;
  std::vector<std::unique_ptr<storage::SeriesSet>> split() override;
  size_t size_hint() const override { return end_ - next_; }

 private:
  const std::shared_ptr<const Selection> selection_;
  size_t next_;
  const size_t end_;
  const SelectedSeries* current_ = nullptr;
  base::Status status_;
  model::Labels labels_;  // of the current series, when read from a partition
  bool have_labels_ = false;
  size_t charged_bytes_ = 0;  // for the buffer last filled
};

/// Puts samples in order and drops repeated timestamps, where that is needed.
void normalise(storage::ColumnBuffer& buffer);

}  // namespace silverback::tsdb
