#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace silverback::base {

/// Streams JSON into a string. Commas are its business; nesting is the caller's.
///   w.begin_object(); w.key("status"); w.string("success"); w.end_object();
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void key(std::string_view k);
  /// Go's encoding/json: <, >, & and U+2028/9 escaped, invalid UTF-8 replaced by U+FFFD.
  void string(std::string_view s);
  /// The same without HTML escaping (label names and values).
  void label_string(std::string_view s);
  void number(int64_t v);
  void number(uint64_t v);
  /// Go's encoding/json float layout. NaN and Inf are not JSON: callers quote them.
  void number(double v);
  void boolean(bool v);
  void null();
  /// Already valid JSON.
  void raw(std::string_view json);
  /// API timestamp: seconds with exactly three decimals only when ms != 0.
  void timestamp_ms(int64_t ms);
  /// Quoted sample value ("1", "+Inf").
  void sample_value(double v);

 private:
  void separate();
  void open(char c);
  void close(char c);
  void escape(std::string_view s, bool html);
  std::string& out_;
  bool need_comma_ = false;
};

}  // namespace silverback::base
