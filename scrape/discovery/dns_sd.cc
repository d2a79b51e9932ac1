#include "scrape/discovery/dns_sd.h"

#include <utility>

#include "base/dns_client.h"
#include "base/file.h"
#include "base/http_types.h"
#include "scrape/discovery/refresh_sd.h"

namespace silverback::scrape {
namespace {

using base::DnsRecord;
using base::DnsType;
using base::Result;
using base::Status;
using Groups = std::vector<model::TargetGroup>;

DnsType type_of(const std::string& name) {
  if (base::iequals(name, "A")) return DnsType::kA;
  if (base::iequals(name, "AAAA")) return DnsType::kAaaa;
  if (base::iequals(name, "MX")) return DnsType::kMx;
  if (base::iequals(name, "NS")) return DnsType::kNs;
  return DnsType::kSrv;
}

// "host:port", or "[v6]:port"; a name loses its final dot.
std::string address_of(const DnsRecord& record, int64_t port) {
  std::string host = record.value;
  while (!host.empty() && host.back() == '.') host.pop_back();
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return host + ":" + std::to_string(port);
}

model::Labels labels_of(const DnsRecord& record, const std::string& name, int64_t port) {
  model::LabelsBuilder labels;
  labels.set("__meta_dns_name", name);
  switch (record.type) {
    case DnsType::kSrv:
      port = record.port;
      labels.set("__meta_dns_srv_record_target", record.value);
      labels.set("__meta_dns_srv_record_port", std::to_string(record.port));
      break;
    case DnsType::kMx: labels.set("__meta_dns_mx_record_target", record.value); break;
    case DnsType::kNs: labels.set("__meta_dns_ns_record_target", record.value); break;
    default: break;
  }
  labels.set("__address__", address_of(record, port));
  return labels.build();
}

class DnsSd final : public Refresher {
 public:
  DnsSd(const model::DnsSdConfig& config, const DiscoveryContext& context)
      : config_(config),
        type_(type_of(config.type)),
        context_(context),
        lookups_(context.registry->counter("prometheus_sd_dns_lookups_total",
                                           "The number of DNS-SD lookups.")),
        failures_(context.registry->counter("prometheus_sd_dns_lookup_failures_total",
                                            "The number of DNS-SD lookup failures.")) {}

  boost::asio::awaitable<Result<Groups>> refresh() override {
    Result<base::DnsConfig> servers = co_await read_servers();
    Groups groups;
    for (const std::string& name : config_.names) {
      lookups_.inc();
      Status failure = servers.status();
      if (servers.is_ok()) {
        Result<base::DnsResponse> response =
            co_await base::dns_lookup(*servers, name, type_, context_.logger);
        failure = response.status();
        if (response.is_ok()) groups.push_back(group_of(name, *response));
      }
      if (failure.is_ok()) continue;
      failures_.inc();
      context_.logger->error("Error refreshing DNS targets",
                             {{"discovery", "dns"}, {"err", failure.message()}});
    }
    co_return groups;
  }

  void cancel() override {}  // an exchange lasts two seconds at most, and nobody waits for it

 private:
  boost::asio::awaitable<Result<base::DnsConfig>> read_servers() {
    auto read = [path = context_.resolv_conf] { return base::FileSystem::real().read_file(path); };
    std::optional<Result<std::string>> text = co_await base::run_on(*context_.file_pool, read);
    if (!text) co_return Status(base::Errc::kUnavailable, "no worker free to read resolv.conf");
    if (!text->is_ok()) co_return text->status().with_context("could not load resolv.conf");
    base::DnsConfig config = base::parse_resolv_conf(**text);
    config.port = context_.dns_port;
    co_return config;
  }

  model::TargetGroup group_of(const std::string& name, const base::DnsResponse& response) const {
    model::TargetGroup group;
    group.source = name;
    for (const DnsRecord& record : response.answers) {
      // Aliases come along with what they lead to.
      if (record.type == DnsType::kCname) continue;
      group.targets.push_back(labels_of(record, name, config_.port));
    }
    return group;
  }

  const model::DnsSdConfig config_;
  const DnsType type_;
  const DiscoveryContext context_;
  base::metrics::Counter& lookups_;
  base::metrics::Counter& failures_;
};

}  // namespace

std::unique_ptr<Discoverer> make_dns_sd(const model::DnsSdConfig& config,
                                        const DiscoveryContext& context) {
  return make_refresh_sd("dns", config.refresh_ms, std::make_shared<DnsSd>(config, context),
                         context);
}

}  // namespace silverback::scrape
