#include <algorithm>

#include <fmt/format.h>

#include "base/yaml.h"
#include "server/api/api.h"
#include "server/api/render.h"

namespace silverback::server::api {

using base::Errc;
using base::Result;
using base::Status;

namespace {

/// The job that `scrapePool` names, in a configuration that the pointer keeps alive.
struct Job {
  std::shared_ptr<const Config> config;
  const scrape::ScrapeConfig* scrape = nullptr;
};

Result<Job> find_job(const Context& ctx, std::string_view name) {
  Job job;
  job.config = ctx.config();
  const auto& jobs = job.config->scrape_configs;
  const auto at = std::find_if(jobs.begin(), jobs.end(),
                               [&](const scrape::ScrapeConfig& c) { return c.job_name == name; });
  if (at == jobs.end()) {
    return Status(Errc::kBadData,
                  fmt::format("error retrieving scrape config: scrape pool {} not found",
                              model::go_quote(name)));
  }
  job.scrape = &*at;
  return job;
}

/// A JSON object of strings.
Result<model::Labels> parse_label_object(std::string_view text) {
  const auto bad = [](std::string_view why) {
    return Status(Errc::kBadData, fmt::format("error parsing labels: {}", why));
  };
  const Result<base::YamlNode> node = base::parse_yaml(text, "labels");
  if (!node) return bad(node.status().message());
  if (!node->is_map()) return bad("not an object");
  Result<std::vector<std::pair<std::string, std::string>>> pairs = node->as_string_map();
  if (!pairs) return bad(pairs.status().message());
  return model::Labels::from(std::move(*pairs));
}

void write_rule(base::JsonWriter& w, const model::RelabelRule& rule) {
  w.begin_object();
  if (!rule.source_labels.empty()) {
    w.key("source_labels");
    write_strings(w, rule.source_labels);
  }
  w.key("separator");
  w.string(rule.separator);
  w.key("regex");
  w.string(rule.regex.pattern());
  if (rule.modulus != 0) {
    w.key("modulus");
    w.number(rule.modulus);
  }
  if (!rule.target_label.empty()) {
    w.key("target_label");
    w.string(rule.target_label);
  }
  w.key("replacement");
  w.string(rule.replacement);
  w.key("action");
  w.string(model::relabel_action_text(rule.action));
  w.end_object();
}

}  // namespace

Answer scrape_pool_config(Context& ctx, const Call& call) {
  const std::string_view pool = call.params.get("scrapePool");
  if (pool.empty()) return Status(Errc::kBadData, "no scrapePool parameter provided");
  const Result<Job> job = find_job(ctx, pool);
  if (!job) return job.status();
  base::YamlWriter yaml;
  job->scrape->write(yaml);
  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("yaml");
  w.string(yaml.take());
  w.end_object();
  return Answer(std::move(json));
}

/// What each relabel rule of a job makes of a label set. Behind a rule that drops it nothing runs.
Answer target_relabel_steps(Context& ctx, const Call& call) {
  const std::string_view pool = call.params.get("scrapePool");
  if (pool.empty()) return Status(Errc::kBadData, "no scrapePool parameter provided");
  const std::string_view text = call.params.get("labels");
  if (text.empty()) return Status(Errc::kBadData, "no labels parameter provided");
  const Result<model::Labels> labels = parse_label_object(text);
  if (!labels) return labels.status();
  const Result<Job> job = find_job(ctx, pool);
  if (!job) return job.status();

  std::string json = kDataPrefix;
  base::JsonWriter w(json);
  w.begin_object();
  w.key("steps");
  w.begin_array();
  model::LabelsBuilder builder(*labels);
  bool keep = true;
  for (const model::RelabelRule& rule : job->scrape->relabel_configs) {
    keep = keep && model::relabel({rule}, builder);
    w.begin_object();
    w.key("rule");
    write_rule(w, rule);
    w.key("output");
    write_labels(w, keep ? builder.build() : model::Labels());
    w.key("keep");
    w.boolean(keep);
    w.end_object();
  }
  w.end_array();
  w.end_object();
  return Answer(std::move(json));
}

}  // namespace silverback::server::api
