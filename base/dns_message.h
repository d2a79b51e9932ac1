#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace silverback::base {

/// The record types that discovery asks for (RFC 1035, 2782, 3596).
enum class DnsType : uint16_t { kA = 1, kNs = 2, kCname = 5, kMx = 15, kAaaa = 28, kSrv = 33 };

constexpr int kDnsNoError = 0;
constexpr int kDnsNameError = 3;  // NXDOMAIN

struct DnsRecord {
  DnsType type = DnsType::kA;
  std::string value;  // an address, or a name with its final dot
  uint16_t port = 0;  // SRV
};

struct DnsResponse {
  int rcode = kDnsNoError;
  bool truncated = false;
  std::vector<DnsRecord> answers;  // of known types, in the order they came
};

/// One question of class IN, recursion desired; `edns` announces 4,096 bytes. kBadData for a name
/// that no DNS can hold.
Result<std::string> encode_dns_query(uint16_t id, std::string_view name, DnsType type, bool edns);

/// kBadData for bytes that are no answer to `query`: wrong id, wrong question, broken off.
Result<DnsResponse> decode_dns_response(std::string_view bytes, std::string_view query);

/// What /etc/resolv.conf says to a resolver.
struct DnsConfig {
  std::vector<std::string> servers;  // addresses
  uint16_t port = 53;
  std::vector<std::string> search;
  int ndots = 1;
};
DnsConfig parse_resolv_conf(std::string_view text);

/// The full names to ask for, in order: names with a final dot as they are, others by the search
/// list, before or after the bare name by `ndots`.
std::vector<std::string> dns_name_list(const DnsConfig& config, const std::string& name);

}  // namespace silverback::base
