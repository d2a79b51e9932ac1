#include "base/json_writer.h"

#include <charconv>
#include <cmath>

#include "base/go_float.h"
#include "base/utf8.h"

namespace silverback::base {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// Bytes that stand for themselves in a JSON string.
bool is_plain(unsigned char c, bool html) {
  if (c < 0x20 || c == '"' || c == '\\' || c >= 0x80) return false;
  return !html || (c != '<' && c != '>' && c != '&');
}

void append_ascii_escape(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  out += "\\u00";
  out += kHex[c >> 4];
  out += kHex[c & 0xf];
}

template <typename T>
void append_integer(std::string& out, T v) {
  char buf[24];
  const char* end = std::to_chars(buf, buf + sizeof buf, v).ptr;
  out.append(buf, static_cast<size_t>(end - buf));
}

}  // namespace

void JsonWriter::separate() {
  if (need_comma_) out_ += ',';
  need_comma_ = true;
}

void JsonWriter::open(char c) {
  separate();
  out_ += c;
  need_comma_ = false;
}

void JsonWriter::close(char c) {
  out_ += c;
  need_comma_ = true;
}

void JsonWriter::key(std::string_view k) {
  separate();
  escape(k, false);
  out_ += ':';
  need_comma_ = false;
}

void JsonWriter::escape(std::string_view s, bool html) {
  out_ += '"';
  size_t done = 0;  // s[done, i) is plain and not written yet
  for (size_t i = 0; i < s.size();) {
    const auto c = static_cast<unsigned char>(s[i]);
    if (is_plain(c, html)) {
      ++i;
      continue;
    }
    Rune rune{c, 1};
    if (c >= 0x80) {
      rune = decode_rune(s.substr(i));
      const bool broken = rune.code == kRuneError && rune.size == 1;
      if (!broken && rune.code != 0x2028 && rune.code != 0x2029) {
        i += rune.size;
        continue;
      }
    }
    out_.append(s.data() + done, i - done);
    if (c < 0x80) {
      append_ascii_escape(out_, c);
    } else if (rune.code == kRuneError) {
      out_ += "\\ufffd";
    } else {
      out_ += "\\u202";
      out_ += kHex[rune.code & 0xf];
    }
    i += rune.size;
    done = i;
  }
  out_.append(s.data() + done, s.size() - done);
  out_ += '"';
}

void JsonWriter::string(std::string_view s) {
  separate();
  escape(s, true);
}

void JsonWriter::label_string(std::string_view s) {
  separate();
  escape(s, false);
}

void JsonWriter::number(int64_t v) {
  separate();
  append_integer(out_, v);
}

void JsonWriter::number(uint64_t v) {
  separate();
  append_integer(out_, v);
}

void JsonWriter::number(double v) {
  separate();
  const size_t start = out_.size();
  append_sample_value(out_, v);
  // encoding/json writes e-9 where strconv writes e-09.
  const size_t n = out_.size();
  if (n - start >= 4 && out_[n - 4] == 'e' && out_[n - 3] == '-' && out_[n - 2] == '0')
    out_.erase(n - 2, 1);
}

void JsonWriter::boolean(bool v) {
  separate();
  out_ += v ? "true" : "false";
}

void JsonWriter::null() {
  separate();
  out_ += "null";
}

void JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
}

void JsonWriter::timestamp_ms(int64_t ms) {
  separate();
  uint64_t magnitude = static_cast<uint64_t>(ms);
  if (ms < 0) {
    out_ += '-';
    magnitude = 0 - magnitude;
  }
  append_integer(out_, magnitude / 1000);
  const auto fraction = static_cast<unsigned>(magnitude % 1000);
  if (fraction == 0) return;
  const char text[4] = {'.', static_cast<char>('0' + fraction / 100),
                        static_cast<char>('0' + fraction / 10 % 10),
                        static_cast<char>('0' + fraction % 10)};
  out_.append(text, sizeof text);
}

void JsonWriter::sample_value(double v) {
  separate();
  out_ += '"';
  append_sample_value(out_, v);
  out_ += '"';
}

}  // namespace silverback::base
