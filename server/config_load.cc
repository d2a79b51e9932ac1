// Reading a configuration together with the files that it names.
#include <array>
#include <map>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/file.h"
#include "base/yaml.h"
#include "server/config.h"

namespace silverback::server {

using base::FileSystem;
using base::Result;
using base::Status;
using base::YamlNode;

namespace {

// Files that are there: a pattern without a star names nothing when its file is missing.
std::vector<std::string> matching_files(const std::string& glob) {
  std::vector<std::string> files = base::expand_glob(glob);
  std::erase_if(files, [](const std::string& file) { return !FileSystem::real().exists(file); });
  return files;
}

// The jobs of one scrape config file, whose relative paths resolve against its own folder.
Result<std::vector<scrape::ScrapeConfig>> read_scrape_file(
    const std::string& file, const scrape::ScrapeDefaults& defaults,
    std::map<std::string, std::string>& owners) {
  ASSIGN_OR_RETURN(const std::string text, FileSystem::real().read_file(file));
  ASSIGN_OR_RETURN(const YamlNode root, base::parse_yaml(text, file));
  std::vector<scrape::ScrapeConfig> jobs;
  if (root.is_null()) return jobs;
  base::YamlFields fields(root, "config.ScrapeConfigs");
  fields.read("scrape_configs", [&](const YamlNode& list) -> Status {
    ASSIGN_OR_RETURN(jobs, scrape::parse_scrape_configs(list, defaults, base::dir_name(file)));
    for (size_t i = 0; i < jobs.size(); ++i) {
      const auto known = owners.emplace(jobs[i].job_name, model::go_quote(file));
      if (known.second) continue;
      return list.items()[i].error(
          fmt::format("found multiple scrape configs with job name {}, first found in {}",
                      model::go_quote(jobs[i].job_name), known.first->second));
    }
    return {};
  });
  RETURN_IF_ERROR(fields.finish());
  return jobs;
}

Result<std::vector<scrape::ScrapeConfig>> all_jobs(const Config& config) {
  std::vector<scrape::ScrapeConfig> jobs = config.scrape_configs;
  std::map<std::string, std::string> owners;
  for (const scrape::ScrapeConfig& job : jobs) owners[job.job_name] = "main config file";
  for (const std::string& glob : config.scrape_config_files) {
    for (const std::string& file : matching_files(glob)) {
      ASSIGN_OR_RETURN(std::vector<scrape::ScrapeConfig> more,
                       read_scrape_file(file, config.scrape_defaults, owners));
      for (scrape::ScrapeConfig& job : more) jobs.push_back(std::move(job));
    }
  }
  return jobs;
}

// Globs of one top-level list, whatever else the text holds; none when it cannot be read.
std::vector<std::string> globs_of(const YamlNode& root, std::string_view key,
                                  const std::string& base_dir) {
  std::vector<std::string> out;
  for (const YamlNode::Entry& entry : root.entries()) {
    if (entry.key != key) continue;
    const Result<std::vector<std::string>> globs = entry.value.as_string_list();
    if (!globs.is_ok()) continue;
    for (const std::string& glob : *globs) out.push_back(base::join_path(base_dir, glob));
  }
  return out;
}

std::string digest_of(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string out;
  for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

}  // namespace

Result<LoadedConfig> load_config(const std::string& path, const promql::ParserOptions& options) {
  ASSIGN_OR_RETURN(const std::string text, FileSystem::real().read_file(path));
  ASSIGN_OR_RETURN(Config config, parse_config(text, path));
  LoadedConfig loaded;
  ASSIGN_OR_RETURN(loaded.jobs, all_jobs(config));
  loaded.config = std::move(config);
  const rules::RuleFileOptions rule_options{options, loaded.config.scrape_defaults.legacy_names};
  ASSIGN_OR_RETURN(loaded.rule_groups,
                   rules::load_rule_files(loaded.config.rule_files, rule_options));
  return loaded;
}

std::string config_fingerprint(const std::string& path) {
  std::string seen;
  const auto add = [&seen](std::string_view kind, const std::string& file,
                           const Result<std::string>& text) {
    seen += fmt::format("{} {} {}\n", kind, file, text.is_ok() ? digest_of(*text) : "unreadable");
  };
  const Result<std::string> text = FileSystem::real().read_file(path);
  add("config", path, text);
  if (!text.is_ok()) return seen;
  const Result<YamlNode> root = base::parse_yaml(*text, path);
  if (!root.is_ok()) return seen;
  const std::string base_dir = base::dir_name(path);
  for (const char* key : {"rule_files", "scrape_config_files"}) {
    for (const std::string& glob : globs_of(*root, key, base_dir)) {
      for (const std::string& file : base::expand_glob(glob)) {
        add(key, file, FileSystem::real().read_file(file));
      }
    }
  }
  return seen;
}

}  // namespace silverback::server
