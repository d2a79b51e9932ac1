#include "rules/rule_writer.h"

#include <utility>

#include "model/stale.h"

namespace silverback::rules {

using base::Result;
using base::Status;

namespace {

/// A refusal's message names its series as a word of its own.
bool names_series(const std::string& message, const std::string& series) {
  for (size_t at = message.find(series); at != std::string::npos;
       at = message.find(series, at + 1)) {
    const size_t end = at + series.size();
    const bool starts = at == 0 || message[at - 1] == ' ';
    if (starts && (end == message.size() || message[end] == ' ' || message[end] == ',')) {
      return true;
    }
  }
  return false;
}

}  // namespace

Status RuleWriter::resolve(storage::Appender& appender, Series& series) const {
  if (series.ref) return {};
  ASSIGN_OR_RETURN(series.ref, appender.resolve(series.labels));
  return {};
}

Status RuleWriter::append_column(storage::Appender& appender, model::TimestampMs t,
                                 Column& column) {
  if (column.series.empty()) return {};
  std::vector<storage::SeriesRef> refs;
  std::vector<size_t> dead;
  // Collected series are resolved anew; a second round of dead refs is possible but not a third
  // that makes no progress.
  for (int attempt = 0; attempt < 4; ++attempt) {
    refs.clear();
    for (Series* series : column.series) {
      RETURN_IF_ERROR(resolve(appender, *series));
      refs.push_back(series->ref);
    }
    dead.clear();
    const Status status = appender.append_column(target_, t, refs, column.values, &dead);
    if (status.code() != base::Errc::kStaleRef) return status;
    for (const size_t i : dead) column.series[i]->ref = {};
  }
  return {base::Errc::kInternal, "series are collected faster than they are resolved"};
}

Status RuleWriter::append_histogram(storage::Appender& appender, Series& series,
                                    const promql::Sample& sample) {
  for (int attempt = 0; attempt < 4; ++attempt) {
    RETURN_IF_ERROR(resolve(appender, series));
    const Status status = appender.append(series.ref, 0, sample.t, *sample.h);
    if (status.code() != base::Errc::kStaleRef) return status;
    series.ref = {};
  }
  return {base::Errc::kInternal, "series are collected faster than they are resolved"};
}

Result<RuleWriter::Outcome> RuleWriter::write(const promql::Vector& samples, model::TimestampMs t,
                                              bool durable) {
  const std::unique_ptr<storage::Appender> appender = storage_.appender();
  SeriesMap current;
  Column column;
  std::vector<std::pair<Series*, const promql::Sample*>> histograms;
  current.reserve(samples.size());
  for (const promql::Sample& sample : samples) {
    const auto former = last_.find(sample.labels.bytes());
    Series series{sample.labels, former == last_.end() ? storage::SeriesRef{} : former->second.ref};
    const auto [it, is_new] = current.emplace(sample.labels.bytes(), std::move(series));
    if (!is_new) continue;  // rules refuse results that fall together
    if (sample.h) {
      histograms.emplace_back(&it->second, &sample);
    } else {
      column.series.push_back(&it->second);
      column.values.push_back(sample.v);
    }
  }
  // Markers stand behind the results, so that the first refusal is a result's if any is.
  size_t markers = 0;
  for (auto& [key, series] : last_) {
    if (current.contains(key)) continue;
    column.series.push_back(&series);
    column.values.push_back(model::stale_nan());
    ++markers;
  }
  if (samples.empty() && markers == 0) {
    last_.clear();
    return Outcome();
  }
  RETURN_IF_ERROR(append_column(*appender, t, column));
  for (const auto& [series, sample] : histograms) {
    RETURN_IF_ERROR(append_histogram(*appender, *series, *sample));
  }
  ASSIGN_OR_RETURN(const storage::CommitCounts counts,
                   storage::commit_and_wait(*appender, durable ? storage::Durability::kDurable
                                                               : storage::Durability::kVisible));
  Outcome outcome;
  if (counts.refused() > 0) {
    const std::string& message = counts.first_error.message();
    bool only_markers = counts.refused() <= markers;
    if (only_markers) {
      // Refused markers are no trouble: the series is written by another rule now.
      only_markers = false;
      for (const auto& [key, series] : last_) {
        const bool gone = !current.contains(key);
        if (gone && names_series(message, series.labels.to_string())) {
          only_markers = true;
          break;
        }
      }
    }
    if (!only_markers) {
      outcome = {counts.out_of_order, counts.out_of_bounds, counts.duplicate, counts.first_error};
      if (outcome.first_refusal.is_ok()) {
        outcome.first_refusal = {base::Errc::kOutOfOrder,
                                 std::to_string(counts.refused()) + " samples refused"};
      }
    }
  }
  last_ = std::move(current);
  return outcome;
}

std::vector<model::Labels> RuleWriter::release() {
  std::vector<model::Labels> out;
  out.reserve(last_.size());
  for (auto& entry : last_) out.push_back(std::move(entry.second.labels));
  last_.clear();
  return out;
}

void RuleWriter::adopt(std::vector<model::Labels> series) {
  for (model::Labels& labels : series) {
    std::string key = labels.bytes();
    last_.emplace(std::move(key), Series{std::move(labels), {}});
  }
}

Status write_stale_markers(storage::Appendable& storage, const std::vector<model::Labels>& series,
                           model::TimestampMs t) {
  if (series.empty()) return {};
  const std::unique_ptr<storage::Appender> appender = storage.appender();
  for (const model::Labels& labels : series) {
    Status status{base::Errc::kStaleRef, ""};
    for (int attempt = 0; attempt < 4 && status.code() == base::Errc::kStaleRef; ++attempt) {
      ASSIGN_OR_RETURN(const storage::SeriesRef ref, appender->resolve(labels));
      status = appender->append(ref, 0, t, model::stale_nan());
    }
    RETURN_IF_ERROR(status);
  }
  return storage::commit_and_wait(*appender, storage::Durability::kVisible).status();
}

}  // namespace silverback::rules
