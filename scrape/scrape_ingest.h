#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/labels.h"
#include "scrape/exposition_parser.h"
#include "scrape/histogram_rules.h"
#include "scrape/sample_labels.h"
#include "scrape/scrape_cache.h"
#include "scrape/scrape_config.h"
#include "scrape/scrape_metrics.h"
#include "storage/appender.h"

namespace silverback::scrape {

/// Turns the answers of one target into batches: parse, relabel, stage, stale markers, report
/// series, commit. One column a scrape, whole or not at all. Blocks; runs on the ingest pool.
/// Threads: one scrape at a time; metadata() any thread.
class ScrapeIngest {
 public:
  struct Options {
    bool created_zero = false;  // created times become samples of zero
  };
  ScrapeIngest(storage::Appendable& storage, ScrapeMetrics& metrics, base::Clock& clock,
               model::Labels target_labels, Options options);
  ~ScrapeIngest();  // close()
  ScrapeIngest(const ScrapeIngest&) = delete;
  ScrapeIngest& operator=(const ScrapeIngest&) = delete;

  /// What a fetch gave.
  struct Page {
    std::shared_ptr<const ScrapeConfig> config;
    base::Status fetched;  // an error: the scrape failed, `body` does not count
    std::string body;
    bool gzipped = false;
    std::string content_type;
    model::TimestampMs t = 0;
    std::chrono::nanoseconds started{0};  // monotonic, for scrape_duration_seconds
    int64_t timeout_ms = 0;
    HistogramForms histograms;
  };
  struct Outcome {
    base::Status error;   // why the target is down; OK = up
    base::Status stored;  // commit's
    std::string warning;  // the target is up, yet something was lost
    double duration_s = 0;
  };
  Outcome ingest(Page page);

  /// Ends every series of the last scrape and the report series at `t`.
  void write_end_of_run(const ScrapeConfig& config, model::TimestampMs t);

  /// Relabelling or limits changed: lines are learnt anew, staleness goes on.
  void reset_cache();

  /// Gives the TargetId back; the storage is not touched afterwards, and nothing may be ingested.
  void close();

  const MetadataCache& metadata() const { return metadata_; }

 private:
  struct Counts {
    uint64_t scraped = 0;  // before relabelling
    uint64_t kept = 0;     // after
    uint64_t series_added = 0;
    uint64_t staged = 0;  // towards sample_limit
    uint64_t duplicates = 0;
    uint64_t refused = 0;  // new series without room
    base::Status refusal;
    bool over_bucket_limit = false;
    int64_t body_bytes = 0;  // -1: over the limit
    bool restart = false;    // a dead ref was met: stage everything again
  };
  struct Batch {
    std::unique_ptr<storage::Appender> appender;
    std::vector<storage::SeriesRef> refs;
    std::vector<double> values;
    Counts counts;
    void begin(storage::Appendable& storage);
    void clear_samples();
  };

  /// What is known of the entry that the parser stands at.
  struct Sample {
    bool histogram = false;
    bool predicted = false;
    model::TimestampMs t = 0;      // of the scrape, then its own
    model::TimestampMs start = 0;  // created time; 0 = unknown
  };

  base::Status prepare_body(Page& page);
  base::Status read_page(const Page& page);
  template <typename Parser>
  base::Status read_text(Parser& parser, const Page& page);
  template <typename Parser>
  base::Status read_entries(Parser& parser, const Page& page);
  base::Status check_limits(const ScrapeConfig& config);
  base::Status read_sample(ExpositionParser& parser, const Sample& sample,
                           const ScrapeConfig& config, uint32_t* line);
  base::Status learn_line(ExpositionParser& parser, const SampleLabelRules& rules,
                          uint32_t previous, uint32_t* line);
  base::Status stage(ExpositionParser& parser, const Sample& sample, const ScrapeConfig& config,
                     uint32_t line);
  base::Status stage_alone(ExpositionParser& parser, const Sample& sample,
                           const ScrapeConfig& config, uint32_t line);
  base::Status append_histogram(ExpositionParser& parser, const Sample& sample,
                                const ScrapeConfig& config, storage::SeriesRef ref);
  base::Status unless_stale(const base::Status& status, storage::SeriesRef ref);
  void stage_exemplars(const ExpositionParser& parser, const Sample& sample,
                       storage::SeriesRef ref);
  void read_metadata(const ExpositionParser& parser, ExpositionParser::Entry entry);
  void add_stale_markers();
  void add_report(const ScrapeConfig& config, const Page& page, const base::Status& error,
                  bool stale);
  /// False: some refs are dead and forgotten, so everything is to be staged again.
  base::Result<bool> stage_column(model::TimestampMs t);
  base::Status commit();
  void count_failure(const base::Status& error);

  storage::Appendable& storage_;
  ScrapeMetrics& metrics_;
  base::Clock& clock_;
  const model::Labels target_labels_;
  const Options options_;
  storage::TargetId target_;  // 0 once closed
  ScrapeCache cache_;
  MetadataCache metadata_;
  Batch batch_;
  model::LabelsBuilder builder_;            // reused
  std::vector<std::string> empty_labels_;   // reused
  std::vector<model::Exemplar> exemplars_;  // reused
  std::array<storage::SeriesRef, 8> report_refs_{};
  uint64_t forced_flushes_ = 0;
};

}  // namespace silverback::scrape
