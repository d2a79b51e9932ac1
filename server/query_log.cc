#include "server/query_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/duration.h"
#include "base/json_writer.h"
#include "server/api/render.h"

namespace silverback::server {

using base::Errc;
using base::Status;

namespace {

constexpr mode_t kMode = 0640;
constexpr const char* kNoTrace = "0000000000000000";

void write_origin(base::JsonWriter& w, const promql::QueryOrigin& origin) {
  const auto field = [&w](const char* key, const std::string& value) {
    w.key(key);
    w.label_string(value);
  };
  if (!origin.method.empty()) {
    w.key("httpRequest");
    w.begin_object();
    field("clientIP", origin.client_ip);
    field("method", origin.method);
    field("path", origin.path);
    w.end_object();
  }
  if (!origin.rule_group.empty()) {
    w.key("ruleGroup");
    w.begin_object();
    field("file", origin.rule_file);
    field("name", origin.rule_group);
    w.end_object();
  }
}

std::string to_line(const promql::QueryRecord& record, int64_t now_ms) {
  std::string line;
  base::JsonWriter w(line);
  const auto text = [&w](const char* key, std::string_view value) {
    w.key(key);
    w.label_string(value);
  };
  w.begin_object();
  text("time", base::format_rfc3339_ms(now_ms));
  text("level", "INFO");
  text("source", "query_log.cc");
  text("msg", "promql query logged");
  w.key("params");
  w.begin_object();
  text("end", base::format_rfc3339_ms(record.end));
  text("query", record.query);
  text("start", base::format_rfc3339_ms(record.start));
  w.key("step");
  w.number(record.step_ms / 1000);
  w.end_object();
  if (!record.status.is_ok()) text("error", record.status.message());
  w.key("stats");
  api::write_stats(w, record.stats);
  text("spanID", kNoTrace);
  text("traceID", std::string(kNoTrace) + kNoTrace);
  write_origin(w, record.origin);
  w.end_object();
  line += '\n';
  return line;
}

}  // namespace

/// Closed with the last writer.
class QueryLog::File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// In append mode a line in one write is whole.
  bool write(const std::string& line) {
    const ssize_t n = ::write(fd_, line.data(), line.size());
    return n == static_cast<ssize_t>(line.size());
  }

 private:
  const int fd_;
};

QueryLog::QueryLog(base::Clock& clock, base::Logger& logger, base::metrics::Registry& registry,
                   int64_t slow_ms)
    : clock_(clock),
      logger_(logger),
      slow_ms_(slow_ms),
      enabled_(registry.gauge("prometheus_engine_query_log_enabled", "State of the query log.")),
      failures_(registry.counter("prometheus_engine_query_log_failures_total",
                                 "The number of query log failures.")) {}

QueryLog::~QueryLog() = default;

Status QueryLog::prepare(const std::string& path) {
  std::shared_ptr<File> file;
  if (!path.empty()) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode);
    if (fd < 0) {
      return {Errc::kIo, "opening query log file " + path + ": " + std::strerror(errno)};
    }
    file = std::make_shared<File>(fd);
  }
  const base::MutexLock lock(mutex_);
  prepared_ = std::move(file);
  return {};
}

void QueryLog::adopt() {
  const base::MutexLock lock(mutex_);
  file_ = std::move(prepared_);
  prepared_ = nullptr;
  enabled_.set(file_ ? 1 : 0);
}

void QueryLog::on_query(const promql::QueryRecord& record) {
  if (slow_ms_ > 0 && record.stats.total_seconds() * 1000 >= static_cast<double>(slow_ms_)) {
    warn(record);
  }
  std::shared_ptr<File> file;
  {
    const base::MutexLock lock(mutex_);
    file = file_;
  }
  if (file) write(record, file);
}

void QueryLog::write(const promql::QueryRecord& record, const std::shared_ptr<File>& file) {
  if (!file->write(to_line(record, clock_.now_ms()))) failures_.inc();
}

void QueryLog::warn(const promql::QueryRecord& record) {
  const promql::QueryOrigin& origin = record.origin;
  const std::string asked_by =
      origin.rule_group.empty() ? origin.client_ip : origin.rule_file + ";" + origin.rule_group;
  logger_.warn("Slow query", {{"query", record.query},
                              {"seconds", record.stats.total_seconds()},
                              {"queued_seconds", record.stats.queue_seconds},
                              {"samples_read", record.stats.samples_read},
                              {"start", base::format_rfc3339_ms(record.start)},
                              {"end", base::format_rfc3339_ms(record.end)},
                              {"step_ms", record.step_ms},
                              {"asked_by", asked_by},
                              {"err", record.status.is_ok() ? "" : record.status.message()}});
}

}  // namespace silverback::server
