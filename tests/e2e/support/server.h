#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/support/http.h"
#include "tests/e2e/support/process.h"

namespace silverback::e2e {

/// One series of a query's answer: label text -> value at the asked time.
using QueryAnswer = std::map<std::string, double>;

/// Asks /api/v1/query. Fails the test unless the answer is a vector or scalar with status success.
/// Keys are `name{a="b"}` texts, "" for a scalar.
QueryAnswer query(int port, const std::string& expr, const std::string& time = "");
/// HTTP status of a query, with the error text in `error` when there is one.
int query_status(int port, const std::string& expr, std::string* error = nullptr);
/// [ms, value] pairs of a range selector, by series.
std::map<std::string, std::vector<std::pair<int64_t, double>>> raw_samples(
    int port, const std::string& selector, int64_t time_s);

/// The real binary on a port of its own choice, with its data in a folder that outlives restarts.
class Server {
 public:
  /// `config` is the text of prometheus.yml.
  explicit Server(const std::string& config, std::vector<std::string> flags = {});

  /// Starts (again) and waits until ready.
  void start();
  void kill() { process_->kill(); }
  /// SIGTERM; exit status.
  int stop();
  int port() const { return port_; }
  pid_t pid() const { return process_->pid(); }
  const TempDir& dir() const { return dir_; }
  std::string data_dir() const { return dir_.file("data"); }
  std::string log() const { return read_file(dir_.file("server.log")); }
  /// Replaces prometheus.yml; a reload or restart reads it.
  void write_config(const std::string& config) { dir_.write("prometheus.yml", config); }

 private:
  TempDir dir_;
  std::vector<std::string> flags_;
  std::unique_ptr<Process> process_;
  int port_ = 0;
};

}  // namespace silverback::e2e
