#include "scrape/scrape_ingest.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/compress.h"
#include "model/stale.h"

namespace silverback::scrape {
namespace {

constexpr uint64_t kDefaultBodyLimit = uint64_t{128} << 20;
// Dead refs are rare; a storage that keeps giving them is broken.
constexpr int kMaxRestarts = 5;

enum Report : size_t {
  kUp,
  kDuration,
  kScraped,
  kPostRelabel,
  kSeriesAdded,
  kTimeout,
  kSampleLimit,
  kBodySize,
};
constexpr std::array<std::string_view, 8> kReportNames = {"up",
                                                          "scrape_duration_seconds",
                                                          "scrape_samples_scraped",
                                                          "scrape_samples_post_metric_relabeling",
                                                          "scrape_series_added",
                                                          "scrape_timeout_seconds",
                                                          "scrape_sample_limit",
                                                          "scrape_body_size_bytes"};

size_t report_count(const ScrapeConfig& config) {
  return config.extra_scrape_metrics ? kReportNames.size() : static_cast<size_t>(kTimeout);
}

}  // namespace

void ScrapeIngest::Batch::begin(storage::Appendable& storage) {
  clear_samples();
  counts = {};
  appender = storage.appender();
}

void ScrapeIngest::Batch::clear_samples() {
  refs.clear();
  values.clear();
}

ScrapeIngest::ScrapeIngest(storage::Appendable& storage, ScrapeMetrics& metrics, base::Clock& clock,
                           model::Labels target_labels, Options options)
    : storage_(storage),
      metrics_(metrics),
      clock_(clock),
      target_labels_(std::move(target_labels)),
      options_(options),
      target_(storage.open_target()) {}

ScrapeIngest::~ScrapeIngest() {
  close();
}

void ScrapeIngest::close() {
  const storage::TargetId target = std::exchange(target_, 0);
  if (target != 0) storage_.close_target(target);
}

void ScrapeIngest::reset_cache() {
  ScrapeCache fresh;
  fresh.adopt_tracked(cache_);
  cache_ = std::move(fresh);
}

ScrapeIngest::Outcome ScrapeIngest::ingest(Page page) {
  Outcome out;
  out.error = prepare_body(page);
  const int64_t body_bytes = out.error.is_ok() ? static_cast<int64_t>(page.body.size())
                             : out.error.code() == base::Errc::kLimit ? -1
                                                                      : 0;
  for (int restart = 0;; ++restart) {
    batch_.begin(storage_);
    cache_.begin();
    base::Status error = out.error.is_ok() ? read_page(page) : out.error;
    if (!error.is_ok() && out.error.is_ok()) {
      // As if the page had been empty: nothing of it is kept, all series end.
      const Counts counts = batch_.counts;
      batch_.begin(storage_);
      batch_.counts = counts;
      batch_.counts.restart = false;
      cache_.begin();
    }
    batch_.counts.body_bytes = body_bytes;
    add_stale_markers();
    add_report(*page.config, page, error, false);
    const base::Result<bool> staged = stage_column(page.t);
    if (staged.is_ok() && !*staged && restart < kMaxRestarts) continue;
    out.error = std::move(error);
    out.stored = staged.is_ok() ? commit() : staged.status();
    break;
  }
  if (out.stored.is_ok()) cache_.commit(out.error.is_ok() && !page.body.empty());
  if (out.error.is_ok()) metadata_.advance();
  count_failure(out.error);
  if (batch_.counts.refused > 0 && out.error.is_ok()) {
    metrics_.series_refused.inc(static_cast<double>(batch_.counts.refused));
    out.warning = std::to_string(batch_.counts.refused) +
                  " new series refused: " + batch_.counts.refusal.message();
  }
  const uint64_t flushes = cache_.stats().forced_flushes;
  metrics_.cache_flush_forced.inc(
      static_cast<double>(flushes - std::exchange(forced_flushes_, flushes)));
  out.duration_s = std::chrono::duration<double>(clock_.monotonic() - page.started).count();
  batch_.appender.reset();
  return out;
}

void ScrapeIngest::write_end_of_run(const ScrapeConfig& config, model::TimestampMs t) {
  Page nothing;
  nothing.t = t;
  for (int restart = 0; restart <= kMaxRestarts; ++restart) {
    batch_.begin(storage_);
    cache_.begin();
    add_stale_markers();
    add_report(config, nothing, {}, true);
    const base::Result<bool> staged = stage_column(t);
    if (!staged.is_ok()) break;
    if (!*staged) continue;
    commit().permit_unchecked("the target is gone, nobody is left to tell");
    break;
  }
  batch_.appender.reset();
}

// Inflates the page.
base::Status ScrapeIngest::prepare_body(Page& page) {
  RETURN_IF_ERROR(page.fetched);
  if (page.gzipped) {
    const uint64_t limit =
        page.config->body_size_limit == 0 ? kDefaultBodyLimit : page.config->body_size_limit;
    base::Result<std::string> plain = base::gunzip(page.body, static_cast<size_t>(limit - 1));
    if (!plain.is_ok() && plain.status().code() == base::Errc::kLimit) {
      return {base::Errc::kLimit, "body size limit exceeded"};
    }
    if (!plain.is_ok()) return plain.status().with_context("gzip");
    page.body = std::move(*plain);
  }
  return {};
}

void ScrapeIngest::add_stale_markers() {
  const size_t samples = batch_.refs.size();
  cache_.collect_stale(batch_.refs);
  // A target may have exposed what is now a report series; that one goes on.
  const auto is_report = [this](storage::SeriesRef ref) {
    return std::find(report_refs_.begin(), report_refs_.end(), ref) != report_refs_.end();
  };
  const auto first = batch_.refs.begin() + static_cast<std::ptrdiff_t>(samples);
  batch_.refs.erase(std::remove_if(first, batch_.refs.end(), is_report), batch_.refs.end());
  batch_.values.resize(batch_.refs.size(), model::stale_nan());
}

void ScrapeIngest::add_report(const ScrapeConfig& config, const Page& page,
                              const base::Status& error, bool stale) {
  const Counts& counts = batch_.counts;
  const double elapsed = std::chrono::duration<double>(clock_.monotonic() - page.started).count();
  std::array<double, kReportNames.size()> values{};
  values[kUp] = error.is_ok() ? 1 : 0;
  values[kDuration] = elapsed;
  values[kScraped] = static_cast<double>(counts.scraped);
  values[kPostRelabel] = static_cast<double>(counts.kept);
  values[kSeriesAdded] = static_cast<double>(counts.series_added);
  values[kTimeout] = static_cast<double>(page.timeout_ms) / 1000.0;
  values[kSampleLimit] = static_cast<double>(config.sample_limit);
  values[kBodySize] = static_cast<double>(counts.body_bytes);
  for (size_t i = 0; i < report_count(config); ++i) {
    if (!report_refs_[i]) {
      builder_.reset(target_labels_);
      builder_.set(model::kMetricName, kReportNames[i]);
      const base::Result<storage::SeriesRef> ref = batch_.appender->resolve(builder_.build());
      if (!ref.is_ok()) {  // no room: the target's own samples still count
        if (batch_.counts.refused++ == 0) batch_.counts.refusal = ref.status();
        continue;
      }
      report_refs_[i] = *ref;
    }
    // The target's own sample of that name and labels came first and stays.
    if (cache_.claimed(report_refs_[i])) continue;
    batch_.refs.push_back(report_refs_[i]);
    batch_.values.push_back(stale ? model::stale_nan() : values[i]);
  }
}

base::Result<bool> ScrapeIngest::stage_column(model::TimestampMs t) {
  if (batch_.counts.restart) return false;
  std::vector<size_t> dead;
  const base::Status status =
      batch_.appender->append_column(target_, t, batch_.refs, batch_.values, &dead);
  if (status.is_ok()) return true;
  if (status.code() != base::Errc::kStaleRef || dead.empty()) return status;
  for (const size_t index : dead) {
    const storage::SeriesRef ref = batch_.refs[index];
    cache_.forget(ref);
    std::replace(report_refs_.begin(), report_refs_.end(), ref, storage::SeriesRef{});
  }
  return false;
}

base::Status ScrapeIngest::commit() {
  const base::Result<storage::CommitCounts> done =
      storage::commit_and_wait(*batch_.appender, storage::Durability::kVisible);
  if (!done.is_ok()) return done.status();
  metrics_.sample_duplicate.inc(static_cast<double>(done->duplicate + batch_.counts.duplicates));
  metrics_.sample_out_of_order.inc(static_cast<double>(done->out_of_order));
  metrics_.sample_out_of_bounds.inc(static_cast<double>(done->out_of_bounds));
  metrics_.exemplar_out_of_order.inc(static_cast<double>(done->exemplars_out_of_order));
  return {};
}

void ScrapeIngest::count_failure(const base::Status& error) {
  if (batch_.counts.body_bytes < 0 && !error.is_ok()) metrics_.exceeded_body_size.inc();
}

}  // namespace silverback::scrape
