#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "server/app.h"
#include "server/event_queue.h"
#include "server/flags.h"
#include "server/version.h"

namespace {

/// Many files and sockets are our normal state.
void raise_file_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);  // a refusal leaves the soft limit, which process_max_fds shows
}

}  // namespace

int main(int argc, char** argv) {
  namespace server = silverback::server;
  try {
    const auto flags = server::Flags::parse(std::vector<std::string>(argv + 1, argv + argc));
    if (!flags) {
      fmt::print(stderr, "Error parsing command line arguments: {}\n", flags.status().message());
      fmt::print(stderr, "Try silverback --help\n");
      return 2;
    }
    if (flags->help()) {
      fmt::print("{}", server::usage());
      return 0;
    }
    if (flags->version()) {
      fmt::print("silverback, version {} (compatible with Prometheus {})\n", server::kVersion,
                 server::kPrometheusVersion);
      return 0;
    }
    umask(0027);
    raise_file_limit();
    server::EventQueue::block_signals();
    server::App app(*flags);
    return app.run();
  } catch (const std::exception& e) {
    fmt::print(stderr, "fatal: {}\n", e.what());
    return 1;
  }
}
