#include "base/log.h"

#include <unistd.h>

#include <array>

#include <catch2/catch.hpp>

#include "base/duration.h"

namespace silverback::base {
namespace {

// What `write` puts into a pipe.
template <typename Write>
std::string captured(LogLevel level, LogFormat format, const Write& write) {
  std::array<int, 2> fds{};
  REQUIRE(pipe(fds.data()) == 0);
  {
    Logger logger(fds[1], level, format);
    write(logger);
  }
  close(fds[1]);
  std::string out;
  std::array<char, 4096> buf{};
  for (ssize_t n = 0; (n = read(fds[0], buf.data(), buf.size())) > 0;)
    out.append(buf.data(), static_cast<size_t>(n));
  close(fds[0]);
  return out;
}

}  // namespace

TEST_CASE("Logger writes logfmt lines in slog's layout", "[base]") {
  const std::string line = captured(LogLevel::kInfo, LogFormat::kLogfmt, [](Logger& log) {
    log.debug("hidden");
    log.info("two words",
             {{"a", "x"},
              {"n", 5},
              {"f", 0.5},
              {"b", true},
              {"empty", ""},
              {"q", "a\"b"},
              {"back", "a\\b"},
              {"eq", "a=b"},
              {"nl", "a\nb"}},
             "/some/where/main.cc", 1);
  });
  const std::string head = "time=2026-01-02T03:04:05.123Z";
  REQUIRE(line.size() > head.size());
  CHECK(parse_rfc3339_ms(line.substr(5, head.size() - 5)).is_ok());
  CHECK(
      line.substr(head.size()) ==
      " level=INFO source=main.cc:1 msg=\"two words\" a=x n=5 f=0.5 b=true empty=\"\" q=\"a\\\"b\" "
      "back=a\\b eq=\"a=b\" nl=\"a\\nb\"\n");
}

TEST_CASE("Logger writes JSON lines", "[base]") {
  const std::string line = captured(LogLevel::kDebug, LogFormat::kJson, [](Logger& log) {
    log.error("it <broke>", {{"err", "x\"y"}, {"n", -5}, {"ok", false}}, "main.cc", 2);
  });
  CHECK(line.substr(0, 9) == "{\"time\":\"");
  CHECK(line.substr(line.find("\",\"level")) ==
        "\",\"level\":\"ERROR\",\"source\":\"main.cc:2\",\"msg\":\"it "
        "<broke>\",\"err\":\"x\\\"y\",\"n\":-5,\"ok\":false}\n");
}

TEST_CASE("Logger tells the caller's file and line", "[base]") {
  const std::string line = captured(LogLevel::kDebug, LogFormat::kLogfmt, [](Logger& log) {
    log.debug("x", {{"a", 1}});
  });
  CHECK(line.find(" level=DEBUG source=log_test.cc:") != std::string::npos);
}

TEST_CASE("Logger filters by level and the null logger is silent", "[base]") {
  CHECK(captured(LogLevel::kError, LogFormat::kLogfmt, [](Logger& log) {
          log.warn("no");
          log.info("no");
          CHECK_FALSE(log.enabled(LogLevel::kWarn));
        }).empty());
  Logger::null().error("nothing happens");
}

}  // namespace silverback::base
