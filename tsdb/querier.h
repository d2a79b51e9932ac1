#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/querier.h"
#include "tsdb/series_set.h"

namespace silverback::tsdb {

/// Reads head and partitions as of its opening. Threads: one at a time.
class TsdbQuerier final : public storage::Querier {
 public:
  explicit TsdbQuerier(std::shared_ptr<const ReadView> view) : view_(std::move(view)) {}

  base::Result<std::unique_ptr<storage::SeriesSet>> select(
      const storage::SelectHints& hints, const model::Matchers& matchers) override;
  base::Result<std::vector<std::string>> label_names(const storage::SelectHints& hints,
                                                     const model::Matchers& matchers) override;
  base::Result<std::vector<std::string>> label_values(const storage::SelectHints& hints,
                                                      const std::string& name,
                                                      const model::Matchers& matchers) override;
  /// Of the head's ring alone, those of commits under way too: they are not part of a view.
  base::Result<std::vector<storage::SeriesExemplars>> exemplars(
      model::TimeRange range, const std::vector<model::Matchers>& any_of) override;

 private:
  using Strings = std::vector<std::string>;
  // Of the head's series that match and have samples in range.
  base::Result<Strings> head_label_names(model::TimeRange range,
                                         const model::Matchers& matchers) const;
  base::Result<Strings> head_label_values(model::TimeRange range, const std::string& name,
                                          const model::Matchers& matchers) const;
  /// Visits the head's series that match, whether they have samples or not.
  base::Status each_head_series(const model::Matchers& matchers,
                                const std::function<void(const MemSeries&)>& fn) const;

  const std::shared_ptr<const ReadView> view_;
};

}  // namespace silverback::tsdb
