#include "rules/group.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>
#include <variant>

#include "promql/ast.h"
#include "promql/parser.h"
#include "rules/recording_rule.h"

namespace silverback::rules {

namespace {

using base::Result;
using base::Status;

double seconds_between(std::chrono::nanoseconds from, std::chrono::nanoseconds to) {
  return std::chrono::duration<double>(to - from).count();
}

/// Rule labels win over the group's.
StringPairs merged_labels(const StringPairs& group, const StringPairs& rule) {
  std::map<std::string, std::string> merged(rule.begin(), rule.end());
  merged.insert(group.begin(), group.end());
  return {merged.begin(), merged.end()};
}

int64_t floor_mod(int64_t a, int64_t b) {
  return ((a % b) + b) % b;
}

}  // namespace

Group::Group(const GroupServices& services, Options options)
    : services_(services),
      options_(std::move(options)),
      key_(key(options_.config)),
      metrics_(services.metrics->registry, key_),
      default_query_offset_ms_(options_.default_query_offset_ms),
      wants_restore_(options_.restore) {
  for (const RuleConfig& rule : options_.config.rules) entries_.push_back(make_entry(rule));
  batches_ = make_batches();
  metrics_.rules.set(static_cast<double>(entries_.size()));
  metrics_.interval.set(static_cast<double>(interval_ms()) / 1000);
}

Group::~Group() = default;

Group::Entry Group::make_entry(const RuleConfig& config) const {
  // Checked when the file was read; the canonical text is what is evaluated, linked and shown.
  auto parsed = promql::parse_expr(config.expr, services_.engine->options().parser);
  std::string query = parsed.is_ok() ? promql::print_expr(**parsed) : config.expr;
  StringPairs labels = merged_labels(options_.config.labels, config.labels);
  Entry entry;
  if (parsed.is_ok()) entry.expr = *std::move(parsed);
  entry.writer = std::make_unique<RuleWriter>(*services_.appendable);
  if (config.alert.empty()) {
    entry.rule =
        std::make_unique<RecordingRule>(config.record, std::move(query), std::move(labels));
    return entry;
  }
  AlertingRule::Options options;
  options.config = config;
  options.config.labels = std::move(labels);
  options.query = std::move(query);
  options.external_labels = options_.external_labels;
  options.external_url = services_.external_url;
  options.parser = services_.engine->options().parser;
  options.restored = !options_.restore;
  options.logger = services_.logger;
  options.template_expansions = &services_.metrics->template_expansions;
  options.template_failures = &services_.metrics->template_failures;
  auto rule = std::make_unique<AlertingRule>(std::move(options));
  entry.alerting = rule.get();
  entry.rule = std::move(rule);
  return entry;
}

RuleBatches Group::make_batches() const {
  if (!services_.concurrent) return sequential_batches(entries_.size());
  std::vector<RuleInputs> rules;
  for (const Entry& entry : entries_) {
    rules.push_back({entry.rule->name(), entry.alerting != nullptr, entry.expr.get()});
  }
  return concurrent_batches(rules);
}

bool Group::has_alerting_rules() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const Entry& entry) { return entry.alerting != nullptr; });
}

int64_t Group::grid_point(int64_t now_ms) const {
  const uint64_t hash =
      model::Labels::from({{"name", options_.config.name}, {"file", options_.config.file}})
          .hash64();
  const auto offset = static_cast<int64_t>(hash % static_cast<uint64_t>(interval_ms()));
  return now_ms - floor_mod(now_ms - offset, interval_ms());
}

int64_t Group::query_offset_ms() const {
  const int64_t own = options_.config.query_offset_ms;
  return own >= 0 ? own : default_query_offset_ms_.load();
}

Result<promql::Vector> Group::query(const std::string& expr, model::TimestampMs t,
                                    const std::stop_token& stop) const {
  promql::QueryOptions options;
  options.stop = stop;
  options.origin.rule_file = options_.config.file;
  options.origin.rule_group = options_.config.name;
  ASSIGN_OR_RETURN(promql::QueryResult result,
                   services_.engine->instant(*services_.queryable, expr, t, options));
  if (auto* vector = std::get_if<promql::Vector>(&result.value)) return std::move(*vector);
  if (const auto* scalar = std::get_if<promql::Scalar>(&result.value)) {
    promql::Sample sample;
    sample.t = scalar->t;
    sample.v = scalar->v;
    return promql::Vector{std::move(sample)};
  }
  return Status(base::Errc::kExecution, "rule result is not a vector or scalar");
}

std::unique_ptr<Group::Iteration> Group::begin(model::TimestampMs ts, std::stop_token stop) {
  auto iteration = std::make_unique<Iteration>();
  iteration->ts = ts;
  iteration->stop = std::move(stop);
  iteration->started_ms = services_.clock->now_ms();
  iteration->started = services_.clock->monotonic();
  newest_evaluation_ = ts;
  metrics_.iterations.inc();
  return iteration;
}

void Group::end(Iteration& iteration) {
  if (!iteration.stop.stop_requested()) {
    metrics_.last_samples.set(static_cast<double>(iteration.samples.load()));
    flush_stale(iteration.ts);
  }
  const double took = seconds_between(iteration.started, services_.clock->monotonic());
  services_.metrics->iteration_duration.observe(took);
  services_.metrics->iteration_duration_histogram.observe(took);
  double rule_sum = 0;
  for (const Entry& entry : entries_) rule_sum += entry.rule->evaluation_seconds();
  metrics_.last_rule_duration_sum.set(rule_sum);
  metrics_.last_duration.set(took);
  metrics_.last_evaluation.set(static_cast<double>(iteration.started_ms) / 1000);
  const base::MutexLock lock(mutex_);
  evaluation_s_ = took;
  last_evaluation_ms_ = iteration.started_ms;
}

void Group::evaluate(model::TimestampMs ts, std::stop_token stop) {
  const std::unique_ptr<Iteration> iteration = begin(ts, std::move(stop));
  for (const auto& batch : batches_) {
    for (const size_t index : batch) {
      if (!iteration->stop.stop_requested()) evaluate_rule(*iteration, index);
    }
  }
  end(*iteration);
}

void Group::evaluate_rule(Iteration& iteration, size_t index) {
  const model::TimestampMs ts = iteration.ts;
  const std::stop_token& stop = iteration.stop;
  Entry& entry = entries_[index];
  const int64_t started_ms = services_.clock->now_ms();
  const auto started = services_.clock->monotonic();
  metrics_.evaluations.inc();

  Evaluation evaluation;
  evaluation.ts = ts;
  evaluation.query_offset_ms = query_offset_ms();
  evaluation.limit = options_.config.limit;
  evaluation.query = [&](const std::string& expr, model::TimestampMs t) {
    return query(expr, t, stop);
  };
  const Result<RuleOutput> output = entry.rule->eval(evaluation);
  if (output.is_ok()) {
    iteration.samples += output->samples.size();
    if (entry.alerting != nullptr && services_.notifier != nullptr) {
      auto due = entry.alerting->take_due(ts, services_.resend_delay_ms, interval_ms());
      if (!due.empty()) services_.notifier->send(std::move(due));
    }
    entry.rule->set_health(store(entry, index, *output, evaluation.sample_time()));
  } else {
    entry.rule->set_health(output.status());
    metrics_.failures.inc();
    const bool canceled = output.status().code() == base::Errc::kCanceled && stop.stop_requested();
    if (!canceled) {
      warn("Evaluating rule failed", *entry.rule, index, output.status().message());
    }
  }
  const double took = seconds_between(started, services_.clock->monotonic());
  services_.metrics->evaluation_duration.observe(took);
  services_.metrics->evaluation_duration_histogram.observe(took);
  entry.rule->set_evaluated(started_ms, took);
}

Status Group::store(Entry& entry, size_t index, const RuleOutput& output, model::TimestampMs t) {
  // A pending alert keeps its clock over a crash: a change of alert state waits for the disk.
  const Result<RuleWriter::Outcome> outcome =
      entry.writer->write(output.samples, t, output.state_changed);
  if (!outcome.is_ok()) {
    metrics_.failures.inc();
    warn("Rule sample appending failed", *entry.rule, index, outcome.status().message());
    return outcome.status();
  }
  // Results that storage refuses make the rule unhealthy, but are no failed evaluation.
  if (!outcome->first_refusal.is_ok()) {
    warn("Rule evaluation results refused", *entry.rule, index, outcome->first_refusal.message());
  }
  return outcome->first_refusal;
}

void Group::warn(const std::string& message, const Rule& rule, size_t index,
                 const std::string& error) {
  services_.logger->warn(message, {{"file", options_.config.file},
                                   {"group", options_.config.name},
                                   {"name", rule.name()},
                                   {"index", index},
                                   {"err", error}});
}

void Group::count_missed(int64_t iterations) {
  if (iterations <= 0) return;
  metrics_.iterations_missed.inc(static_cast<double>(iterations));
  metrics_.iterations.inc(static_cast<double>(iterations));
}

void Group::flush_stale(model::TimestampMs ts) {
  if (stale_.empty()) return;
  const Status status = write_stale_markers(*services_.appendable, stale_, ts - query_offset_ms());
  if (status.is_ok()) {
    stale_.clear();
    return;
  }
  services_.logger->warn(
      "Stale sample appending for previous configuration failed",
      {{"file", options_.config.file}, {"group", options_.config.name}, {"err", status.message()}});
}

void Group::write_all_stale(model::TimestampMs ts) {
  for (Entry& entry : entries_) {
    for (model::Labels& series : entry.writer->release()) stale_.push_back(std::move(series));
  }
  // Retired in the very ms of an evaluation: the markers still come after its samples.
  flush_stale(std::max(ts, newest_evaluation_ + 1));
}

void Group::copy_state(Group& from) {
  {
    const base::MutexLock lock(from.mutex_);
    const double evaluation_s = from.evaluation_s_;
    const int64_t last_evaluation_ms = from.last_evaluation_ms_;
    const base::MutexLock own(mutex_);
    evaluation_s_ = evaluation_s;
    last_evaluation_ms_ = last_evaluation_ms;
  }
  // Equal rules are matched first with first, second with second.
  std::multimap<std::string, Entry*> former;
  for (Entry& entry : from.entries_) former.emplace(entry.rule->identity(), &entry);
  for (Entry& entry : entries_) {
    const auto it = former.lower_bound(entry.rule->identity());
    if (it == former.end() || it->first != entry.rule->identity()) continue;
    Entry& old = *it->second;
    former.erase(it);
    entry.writer->adopt(old.writer->release());
    if (entry.alerting != nullptr && old.alerting != nullptr) {
      entry.alerting->copy_alerts(*old.alerting);
    }
  }
  stale_ = std::move(from.stale_);
  for (const auto& [identity, entry] : former) {
    for (model::Labels& series : entry->writer->release()) stale_.push_back(std::move(series));
  }
}

GroupStatus Group::status() const {
  GroupStatus status;
  status.name = options_.config.name;
  status.file = options_.config.file;
  status.interval_ms = interval_ms();
  status.limit = options_.config.limit;
  for (const Entry& entry : entries_) status.rules.push_back(entry.rule->status());
  const base::MutexLock lock(mutex_);
  status.evaluation_s = evaluation_s_;
  status.last_evaluation_ms = last_evaluation_ms_;
  return status;
}

std::vector<AlertStatus> Group::active_alerts() const {
  std::vector<AlertStatus> out;
  for (const Entry& entry : entries_) {
    if (entry.alerting == nullptr) continue;
    for (AlertStatus& alert : entry.alerting->status().alerts) out.push_back(std::move(alert));
  }
  return out;
}

}  // namespace silverback::rules
