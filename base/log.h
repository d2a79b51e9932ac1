#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace silverback::base {

enum class LogLevel : uint8_t { kDebug = 0, kInfo = 1, kWarn = 2, kError = 3 };
enum class LogFormat : uint8_t { kLogfmt = 0, kJson = 1 };

/// One key=value of a log line. Views must live until the call returns.
struct LogField {
  std::string_view key;
  std::string value;
  bool is_text = true;  // false: a number or a bool, which JSON does not quote

  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false"), is_text(false) {}
  LogField(std::string_view k, double v);  // Go's shortest layout
  template <typename T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) LogField(std::string_view k, T v)
      : key(k), value(std::to_string(v)), is_text(false) {}
};

/// Writes one line per call to a file descriptor, in slog's keys: time, level, source (the caller's
/// file and line), msg, fields.
/// Threads: any thread; a line is never torn.
class Logger {
 public:
  /// `fd` stays open and is not closed.
  Logger(int fd, LogLevel level, LogFormat format);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  /// Drops everything. For tests.
  static Logger& null();

  void debug(std::string_view msg, std::initializer_list<LogField> fields = {},
             const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    log(LogLevel::kDebug, msg, fields, {file, line});
  }
  void info(std::string_view msg, std::initializer_list<LogField> fields = {},
            const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    log(LogLevel::kInfo, msg, fields, {file, line});
  }
  void warn(std::string_view msg, std::initializer_list<LogField> fields = {},
            const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    log(LogLevel::kWarn, msg, fields, {file, line});
  }
  void error(std::string_view msg, std::initializer_list<LogField> fields = {},
             const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    log(LogLevel::kError, msg, fields, {file, line});
  }
  bool enabled(LogLevel level) const { return level >= level_; }

 private:
  struct Place {
    std::string_view file;
    int line;
  };
  void log(LogLevel level, std::string_view msg, std::initializer_list<LogField> fields,
           Place place);

  const int fd_;
  const LogLevel level_;
  const LogFormat format_;
};

}  // namespace silverback::base
