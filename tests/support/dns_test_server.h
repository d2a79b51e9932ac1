#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace silverback::testing {

/// One record of an answer: type and its data as it goes over the wire.
struct DnsTestRecord {
  uint16_t type = 1;
  std::string data;
};
struct DnsTestAnswer {
  int rcode = 0;
  std::vector<DnsTestRecord> records;
  bool truncate_udp = false;  // the answer is only given over TCP
  bool silent = false;        // no answer at all
};

// Data of records, as the wire has it.
std::string dns_name(const std::string& name);  // "a.b." in labels
DnsTestRecord dns_a(const std::string& address);
DnsTestRecord dns_aaaa(const std::string& address);
DnsTestRecord dns_srv(const std::string& target, uint16_t port);
DnsTestRecord dns_mx(const std::string& target);
DnsTestRecord dns_ns(const std::string& target);
DnsTestRecord dns_cname(const std::string& target);

/// A DNS server on 127.0.0.1, UDP and TCP on one free port, with a scripted handler. Threads: any;
/// the handler runs on the server's own.
class DnsTestServer {
 public:
  /// `name` has its final dot.
  using Handler = std::function<DnsTestAnswer(const std::string& name, uint16_t type)>;

  explicit DnsTestServer(Handler handler);
  ~DnsTestServer();
  DnsTestServer(const DnsTestServer&) = delete;
  DnsTestServer& operator=(const DnsTestServer&) = delete;

  uint16_t port() const { return port_; }
  void set_handler(Handler handler) EXCLUDES(mutex_);
  std::vector<std::string> names_asked() const EXCLUDES(mutex_);

 private:
  void serve();
  /// The answer's bytes; "" for none.
  std::string answer(const std::string& query, bool udp) EXCLUDES(mutex_);

  int udp_ = -1, tcp_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  mutable base::Mutex mutex_;
  Handler handler_ GUARDED_BY(mutex_);
  std::vector<std::string> asked_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace silverback::testing
