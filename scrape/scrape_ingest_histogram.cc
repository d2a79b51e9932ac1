// Native histograms on their way from a page into a batch.
#include "model/stale.h"
#include "scrape/scrape_ingest.h"

namespace silverback::scrape {

using base::Errc;
using base::Status;

// One that cannot be fails the scrape; one with too many buckets does so once the page is read.
Status ScrapeIngest::append_histogram(ExpositionParser& parser, const Sample& sample,
                                      const ScrapeConfig& config, storage::SeriesRef ref) {
  model::Histogram& h = parser.histogram();
  if (model::is_stale(h.sum)) {
    return batch_.appender->append(ref, sample.start, sample.t, model::stale_nan());
  }
  HistogramLimits limits;
  limits.buckets = config.native_histogram_bucket_limit;
  limits.bucket_factor = config.native_histogram_min_bucket_factor;
  if (!fit_histogram(limits, h).is_ok()) {
    batch_.counts.over_bucket_limit = true;
    return {};
  }
  if (options_.created_zero && sample.start != 0) {
    RETURN_IF_ERROR(batch_.appender->append_start(ref, sample.start, sample.t, &h));
  }
  const Status status = batch_.appender->append(ref, sample.start, sample.t, h);
  if (status.code() != Errc::kBadData) return status;
  RETURN_IF_ERROR(parser.labels(builder_, empty_labels_));
  return status.with_context("invalid histogram " + builder_.build().to_string());
}

}  // namespace silverback::scrape
