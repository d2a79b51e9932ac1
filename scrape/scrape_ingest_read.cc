#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "scrape/content_type.h"
#include "scrape/nhcb_parser.h"
#include "scrape/openmetrics_parser.h"
#include "scrape/protobuf_parser.h"
#include "scrape/scrape_ingest.h"
#include "scrape/text_parser.h"

namespace silverback::scrape {
namespace {

SampleLabelRules label_rules(const ScrapeConfig& config) {
  SampleLabelRules rules;
  rules.honor_labels = config.honor_labels;
  rules.legacy_names = config.legacy_names;
  rules.metric_relabel = &config.metric_relabel_configs;
  rules.limits.count = config.label_limit;
  rules.limits.name_length = config.label_name_length_limit;
  rules.limits.value_length = config.label_value_length_limit;
  return rules;
}

}  // namespace

base::Status ScrapeIngest::read_page(const Page& page) {
  if (page.body.empty()) return {};
  const ScrapeConfig& config = *page.config;
  ASSIGN_OR_RETURN(const ExpositionFormat format,
                   select_format(page.content_type, config.fallback_protocol));
  switch (format) {
    case ExpositionFormat::kText: {
      TextParser parser(page.body);
      return read_text(parser, page);
    }
    case ExpositionFormat::kProtobuf: {
      ProtobufParser parser(page.body, page.histograms);
      return read_entries(parser, page);
    }
    case ExpositionFormat::kOpenMetrics: {
      OpenMetricsParser parser(page.body, options_.created_zero);
      return read_text(parser, page);
    }
  }
  return {base::Errc::kUnsupported,
          "Content-Type " + model::go_quote(page.content_type) + " is not read"};
}

// A text has classic histograms alone; some targets want them as native ones.
template <typename Parser>
base::Status ScrapeIngest::read_text(Parser& parser, const Page& page) {
  if (!page.histograms.convert) return read_entries(parser, page);
  NhcbParser converting(parser, page.histograms.always_classic);
  return read_entries(converting, page);
}

// Compiled for each parser's own type, so that prediction costs no virtual call.
template <typename Parser>
base::Status ScrapeIngest::read_entries(Parser& parser, const Page& page) {
  using Entry = ExpositionParser::Entry;
  uint32_t line = ScrapeCache::kNone;
  const ScrapeConfig& config = *page.config;
  while (parser.find_entry()) {
    const bool predicted = parser.take_predicted(cache_.predict(line));
    Entry entry = Entry::kSeries;
    if (!predicted) entry = parser.next();
    if (!parser.status().is_ok()) return parser.status();
    if (entry == Entry::kEnd) break;
    if (entry != Entry::kSeries && entry != Entry::kHistogram) {
      read_metadata(parser, entry);
      continue;
    }
    ++batch_.counts.scraped;
    Sample sample{entry == Entry::kHistogram, predicted, page.t, 0};
    if (Parser::kKnowsStarts) sample.start = parser.start_timestamp();
    RETURN_IF_ERROR(read_sample(parser, sample, config, &line));
  }
  return check_limits(config);
}

base::Status ScrapeIngest::check_limits(const ScrapeConfig& config) {
  if (batch_.counts.over_bucket_limit) metrics_.exceeded_bucket_limit.inc();
  if (config.sample_limit != 0 && batch_.counts.staged > config.sample_limit) {
    metrics_.exceeded_sample_limit.inc();
    return {base::Errc::kLimit, "sample limit exceeded"};
  }
  if (!batch_.counts.over_bucket_limit) return {};
  return {base::Errc::kLimit, "histogram bucket limit exceeded"};
}

void ScrapeIngest::read_metadata(const ExpositionParser& parser, ExpositionParser::Entry entry) {
  if (entry == ExpositionParser::Entry::kType) {
    metadata_.set_type(parser.metadata_name(), parser.type());
  } else if (entry == ExpositionParser::Entry::kHelp) {
    metadata_.set_help(parser.metadata_name(), parser.help());
  } else {
    metadata_.set_unit(parser.metadata_name(), parser.unit());
  }
}

// `line` is the sample before, then this one.
base::Status ScrapeIngest::read_sample(ExpositionParser& parser, const Sample& sample,
                                       const ScrapeConfig& config, uint32_t* line) {
  const uint32_t previous = *line;
  *line =
      sample.predicted ? cache_.successor(previous) : cache_.find(parser.series_text(), previous);
  const bool known = *line != ScrapeCache::kNone && (cache_.dropped(*line) || cache_.ref(*line));
  if (!known) {
    if (sample.predicted) parser.relex();
    *line = ScrapeCache::kNone;
    RETURN_IF_ERROR(learn_line(parser, label_rules(config), previous, line));
    if (*line == ScrapeCache::kNone) {  // no room for the series
      *line = previous;
      return {};
    }
  }
  if (cache_.dropped(*line)) {
    cache_.touch(*line);
    return {};
  }
  ++batch_.counts.kept;
  return stage(parser, sample, config, *line);
}

// Labels, relabelling, limits, resolve. Leaves `line` at kNone when the storage has no room.
base::Status ScrapeIngest::learn_line(ExpositionParser& parser, const SampleLabelRules& rules,
                                      uint32_t previous, uint32_t* line) {
  RETURN_IF_ERROR(parser.labels(builder_, empty_labels_));
  if (!merge_sample_labels(rules, target_labels_, empty_labels_, builder_)) {
    cache_.bind_dropped(parser.series_text(), previous);
    *line = cache_.successor(previous);
    return {};
  }
  const model::Labels labels = builder_.build();
  if (const base::Status bad = check_sample_labels(rules, labels); !bad.is_ok()) {
    if (bad.code() == base::Errc::kLimit) metrics_.exceeded_label_limits.inc();
    return bad;
  }
  const base::Result<storage::SeriesRef> ref = batch_.appender->resolve(labels);
  if (ref.is_ok()) {
    *line = cache_.bind(parser.series_text(), previous, *ref);
    return {};
  }
  if (ref.status().code() != base::Errc::kLimit) return ref.status();
  ++batch_.counts.kept;
  if (batch_.counts.refused++ == 0) batch_.counts.refusal = ref.status();
  return {};
}

base::Status ScrapeIngest::stage(ExpositionParser& parser, const Sample& sample,
                                 const ScrapeConfig& config, uint32_t line) {
  const bool is_new = cache_.touch(line);
  const bool own_time = parser.has_timestamp() && config.honor_timestamps;
  const bool tracked = !own_time || config.track_timestamps_staleness;
  // A sample with a time of its own is outside of staleness, unless the job tracks it.
  if (tracked && !cache_.claim(line) && !own_time) {
    ++batch_.counts.duplicates;
    return {};
  }
  const storage::SeriesRef ref = cache_.ref(line);
  Sample timed = sample;
  if (own_time) timed.t = parser.timestamp();
  if (own_time || sample.histogram || timed.start != 0) {
    RETURN_IF_ERROR(stage_alone(parser, timed, config, line));
  } else {
    batch_.refs.push_back(ref);
    batch_.values.push_back(parser.value());
  }
  ++batch_.counts.staged;
  const bool within = !batch_.counts.over_bucket_limit &&
                      (config.sample_limit == 0 || batch_.counts.staged <= config.sample_limit);
  if (is_new && within) ++batch_.counts.series_added;
  if (parser.has_exemplars()) stage_exemplars(parser, timed, ref);
  return {};
}

// Those without a time take the sample's; at a native histogram they do not count. In the order
// that the storage takes them in.
void ScrapeIngest::stage_exemplars(const ExpositionParser& parser, const Sample& sample,
                                   storage::SeriesRef ref) {
  exemplars_.clear();
  parser.exemplars(exemplars_);
  if (sample.histogram) {
    std::erase_if(exemplars_, [](const model::Exemplar& e) { return e.t == 0; });
  }
  for (model::Exemplar& exemplar : exemplars_) {
    if (exemplar.t == 0) exemplar.t = sample.t;
  }
  std::sort(exemplars_.begin(), exemplars_.end(),
            [](const model::Exemplar& a, const model::Exemplar& b) {
              return std::tuple(a.t, a.value, a.labels.hash()) <
                     std::tuple(b.t, b.value, b.labels.hash());
            });
  for (const model::Exemplar& exemplar : exemplars_) {
    batch_.appender->append_exemplar(ref, exemplar)
        .permit_unchecked("an exemplar that is not stored fails no scrape");
  }
}

// Outside of the column: histograms, and floats with a time or a start of their own.
base::Status ScrapeIngest::stage_alone(ExpositionParser& parser, const Sample& sample,
                                       const ScrapeConfig& config, uint32_t line) {
  const storage::SeriesRef ref = cache_.ref(line);
  if (sample.histogram) return unless_stale(append_histogram(parser, sample, config, ref), ref);
  if (options_.created_zero && sample.start != 0) {
    RETURN_IF_ERROR(
        unless_stale(batch_.appender->append_start(ref, sample.start, sample.t, nullptr), ref));
  }
  return unless_stale(batch_.appender->append(ref, sample.start, sample.t, parser.value()), ref);
}

// A dead ref is forgotten here, and resolved when stage_column finds it out and everything is
// staged again.
base::Status ScrapeIngest::unless_stale(const base::Status& status, storage::SeriesRef ref) {
  if (status.code() != base::Errc::kStaleRef) return status;
  cache_.forget(ref);
  batch_.counts.restart = true;
  return {};
}

}  // namespace silverback::scrape
