#include "base/log.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/duration.h"
#include "base/go_float.h"
#include "base/go_quote.h"
#include "base/json_writer.h"
#include "base/utf8.h"

namespace silverback::base {
namespace {

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "DEBUG";
    case LogLevel::kInfo: return "INFO";
    case LogLevel::kWarn: return "WARN";
    case LogLevel::kError: return "ERROR";
  }
  return "INFO";
}

// slog's rule: quote what is empty, has blanks, '=', quotes, controls or unprintable runes.
bool needs_quoting(std::string_view s) {
  if (s.empty()) return true;
  while (!s.empty()) {
    const Rune rune = decode_rune(s);
    if (rune.code == ' ' || rune.code == '=' || rune.code == '"' || !is_printable(rune.code))
      return true;
    if (rune.code == kRuneError) return true;
    s.remove_prefix(rune.size);
  }
  return false;
}

class LogfmtLine {
 public:
  explicit LogfmtLine(std::string& out) : out_(out) {}
  void add(std::string_view key, std::string_view value, bool /*is_text*/ = true) {
    if (!out_.empty()) out_ += ' ';
    append(key);
    out_ += '=';
    append(value);
  }
  void finish() { out_ += '\n'; }

 private:
  void append(std::string_view s) {
    if (needs_quoting(s)) {
      append_go_quote(out_, s);
    } else {
      out_ += s;
    }
  }
  std::string& out_;
};

class JsonLine {
 public:
  explicit JsonLine(std::string& out) : out_(out), json_(out) { json_.begin_object(); }
  void add(std::string_view key, std::string_view value, bool is_text = true) {
    json_.key(key);
    if (is_text) {
      json_.label_string(value);
    } else {
      json_.raw(value);
    }
  }
  void finish() {
    json_.end_object();
    out_ += '\n';
  }

 private:
  std::string& out_;
  JsonWriter json_;
};

// "app.cc:12"
std::string source_text(std::string_view file, int line) {
  return std::string(file.substr(file.rfind('/') + 1)) + ":" + std::to_string(line);
}

template <typename Line>
std::string render(LogLevel level, std::string_view msg, std::initializer_list<LogField> fields,
                   const std::string& source) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  std::string out;
  Line line(out);
  line.add("time", format_rfc3339_ms(now.count()));
  line.add("level", level_name(level));
  line.add("source", source);
  line.add("msg", msg);
  for (const LogField& field : fields) line.add(field.key, field.value, field.is_text);
  line.finish();
  return out;
}

// One write(2) in the ordinary case; a short one is completed. A log that cannot be written has
// nowhere to complain.
void write_line(int fd, std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = ::write(fd, line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    line.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

LogField::LogField(std::string_view k, double v) : key(k), is_text(false) {
  append_go_g(value, v);
  is_text = value.find_first_of("IN") != std::string::npos;  // NaN and Inf are no JSON numbers
}

Logger::Logger(int fd, LogLevel level, LogFormat format)
    : fd_(fd), level_(level), format_(format) {}

Logger::~Logger() = default;

Logger& Logger::null() {
  static Logger logger(-1, LogLevel::kError, LogFormat::kLogfmt);
  return logger;
}

void Logger::log(LogLevel level, std::string_view msg, std::initializer_list<LogField> fields,
                 Place place) {
  if (fd_ < 0 || !enabled(level)) return;
  const std::string source = source_text(place.file, place.line);
  write_line(fd_, format_ == LogFormat::kJson ? render<JsonLine>(level, msg, fields, source)
                                              : render<LogfmtLine>(level, msg, fields, source));
}

}  // namespace silverback::base
