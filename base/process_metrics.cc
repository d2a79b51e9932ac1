#include "base/process_metrics.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>

#include "base/file.h"

namespace silverback::base::metrics {
namespace {

// Numbers of fields in /proc/self/stat, counted from 0 after the command's closing parenthesis.
constexpr size_t kUserTicks = 11;
constexpr size_t kSystemTicks = 12;
constexpr size_t kStartTicks = 19;
constexpr size_t kVirtualBytes = 20;
constexpr size_t kResidentPages = 21;

std::optional<double> number(std::string_view text) {
  uint64_t v = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (ec != std::errc() || end == text.data()) return std::nullopt;
  return static_cast<double>(v);
}

std::vector<std::string_view> split_blanks(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// Seconds since the epoch at which the machine started.
std::optional<double> boot_time() {
  const auto stat = FileSystem::real().read_file("/proc/stat");
  if (!stat.is_ok()) return std::nullopt;
  const size_t at = stat->find("\nbtime ");
  if (at == std::string::npos) return std::nullopt;
  return number(std::string_view(*stat).substr(at + 7));
}

void collect_stat(Sink& sink, const std::optional<double>& boot) {
  const auto stat = FileSystem::real().read_file("/proc/self/stat");
  if (!stat.is_ok()) return;
  const size_t command_end = stat->rfind(") ");  // the command itself may hold anything
  if (command_end == std::string::npos) return;
  const auto fields = split_blanks(std::string_view(*stat).substr(command_end + 2));
  if (fields.size() <= kResidentPages) return;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  const auto user = number(fields[kUserTicks]), system = number(fields[kSystemTicks]);
  if (user && system) {
    sink.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
                 {}, (*user + *system) / ticks);
  }
  if (const auto v = number(fields[kVirtualBytes])) {
    sink.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", {}, *v);
  }
  if (const auto v = number(fields[kResidentPages])) {
    sink.gauge("process_resident_memory_bytes", "Resident memory size in bytes.", {}, *v * page);
  }
  const auto start = number(fields[kStartTicks]);
  if (start && boot) {
    sink.gauge("process_start_time_seconds",
               "Start time of the process since unix epoch in seconds.", {},
               *boot + *start / ticks);
  }
}

void collect_descriptors(Sink& sink) {
  if (const auto open = FileSystem::real().list("/proc/self/fd"); open.is_ok()) {
    // One of them is the listing's own.
    sink.gauge("process_open_fds", "Number of open file descriptors.", {},
               static_cast<double>(open->size() - 1));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    sink.gauge("process_max_fds", "Maximum number of open file descriptors.", {},
               static_cast<double>(limit.rlim_cur));
  }
  if (getrlimit(RLIMIT_AS, &limit) == 0) {
    sink.gauge("process_virtual_memory_max_bytes",
               "Maximum amount of virtual memory available in bytes.", {},
               static_cast<double>(limit.rlim_cur));
  }
}

// The line of names is followed by one of numbers, both begun by "IpExt:".
void collect_network(Sink& sink) {
  const auto netstat = FileSystem::real().read_file("/proc/self/net/netstat");
  if (!netstat.is_ok()) return;
  std::vector<std::string_view> names, numbers;
  std::string_view rest = *netstat;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.rfind("IpExt:", 0) != 0) continue;
    (names.empty() ? names : numbers) = split_blanks(line);
  }
  for (size_t i = 0; i < std::min(names.size(), numbers.size()); ++i) {
    const auto v = number(numbers[i]);
    if (v && names[i] == "InOctets") {
      sink.counter("process_network_receive_bytes_total",
                   "Number of bytes received by the process over the network.", {}, *v);
    }
    if (v && names[i] == "OutOctets") {
      sink.counter("process_network_transmit_bytes_total",
                   "Number of bytes sent by the process over the network.", {}, *v);
    }
  }
}

}  // namespace

std::shared_ptr<void> add_process_metrics(Registry& registry) {
  // Read once: the machine's start wanders with its clock, the process's should not.
  return registry.add_collector([boot = boot_time()](Sink& sink) {
    collect_stat(sink, boot);
    collect_descriptors(sink);
    collect_network(sink);
  });
}

}  // namespace silverback::base::metrics
