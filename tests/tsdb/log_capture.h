#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

#include <catch2/catch.hpp>

#include "base/log.h"

namespace silverback::tsdb::testing {

/// A Logger whose lines can be read, from level info up.
class LogCapture {
 public:
  LogCapture() : file_(std::tmpfile()) { REQUIRE(file_ != nullptr); }
  ~LogCapture() { static_cast<void>(std::fclose(file_)); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  base::Logger& logger() { return logger_; }
  std::string text() const {
    std::string out(static_cast<size_t>(::lseek(::fileno(file_), 0, SEEK_END)), '\0');
    REQUIRE(::pread(::fileno(file_), out.data(), out.size(), 0) ==
            static_cast<ssize_t>(out.size()));
    return out;
  }
  void clear() {
    REQUIRE(::ftruncate(::fileno(file_), 0) == 0);
    REQUIRE(::lseek(::fileno(file_), 0, SEEK_SET) == 0);
  }

 private:
  std::FILE* const file_;
  base::Logger logger_{::fileno(file_), base::LogLevel::kInfo, base::LogFormat::kLogfmt};
};

}  // namespace silverback::tsdb::testing
