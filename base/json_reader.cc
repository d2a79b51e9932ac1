#include "base/json_reader.h"

#include "base/utf8.h"

namespace silverback::base {
namespace {

constexpr int kMaxDepth = 128;

class JsonParser {
 public:
  explicit JsonParser(std::string_view text) : text_(text) {}

  Result<JsonValue> run() {
    JsonValue value;
    RETURN_IF_ERROR(read_value(value, 0));
    skip_space();
    if (pos_ != text_.size()) return unexpected("after top-level value");
    return value;
  }

 private:
  Status unexpected(std::string_view where) const {
    std::string message = "invalid JSON at byte " + std::to_string(pos_) + ": ";
    if (pos_ >= text_.size()) {
      message += "unexpected end of input";
    } else {
      message += "unexpected character ";
      message += where;
    }
    return {Errc::kBadData, std::move(message)};
  }

  char peek() const { return pos_ < text_.size() ? text_[pos_] : '\0'; }
  bool take(char c) {
    if (pos_ >= text_.size() || text_[pos_] != c) return false;
    ++pos_;
    return true;
  }
  void skip_space() {
    while (pos_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[pos_]) != std::string_view::npos) {
      ++pos_;
    }
  }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  Status read_value(JsonValue& out, int depth) {
    if (depth > kMaxDepth) return {Errc::kBadData, "invalid JSON: exceeded max depth"};
    skip_space();
    switch (peek()) {
      case '{': return read_object(out, depth);
      case '[': return read_array(out, depth);
      case '"': out.kind = JsonValue::Kind::kString; return read_string(out.text);
      case 't': out.boolean = true; return read_word("true", JsonValue::Kind::kBool, out);
      case 'f': return read_word("false", JsonValue::Kind::kBool, out);
      case 'n': return read_word("null", JsonValue::Kind::kNull, out);
      default: return read_number(out);
    }
  }

  Status read_word(std::string_view word, JsonValue::Kind kind, JsonValue& out) {
    if (text_.substr(pos_, word.size()) != word) return unexpected("in a literal");
    pos_ += word.size();
    out.kind = kind;
    return {};
  }

  Status read_digits() {
    if (!is_digit(peek())) return unexpected("in a number");
    while (is_digit(peek())) ++pos_;
    return {};
  }

  Status read_number(JsonValue& out) {
    const size_t begin = pos_;
    take('-');
    if (!take('0')) RETURN_IF_ERROR(read_digits());
    if (take('.')) RETURN_IF_ERROR(read_digits());
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      RETURN_IF_ERROR(read_digits());
    }
    out.kind = JsonValue::Kind::kNumber;
    out.text = text_.substr(begin, pos_ - begin);
    return {};
  }

  Status read_array(JsonValue& out, int depth) {
    out.kind = JsonValue::Kind::kArray;
    ++pos_;
    skip_space();
    if (take(']')) return {};
    while (true) {
      out.items.emplace_back();
      RETURN_IF_ERROR(read_value(out.items.back(), depth + 1));
      skip_space();
      if (take(']')) return {};
      if (!take(',')) return unexpected("after array element");
    }
  }

  Status read_object(JsonValue& out, int depth) {
    out.kind = JsonValue::Kind::kObject;
    ++pos_;
    skip_space();
    if (take('}')) return {};
    while (true) {
      skip_space();
      if (peek() != '"') return unexpected("looking for beginning of object key string");
      out.members.emplace_back();
      RETURN_IF_ERROR(read_string(out.members.back().first));
      skip_space();
      if (!take(':')) return unexpected("after object key");
      RETURN_IF_ERROR(read_value(out.members.back().second, depth + 1));
      skip_space();
      if (take('}')) return {};
      if (!take(',')) return unexpected("after object key:value pair");
    }
  }

  Status read_string(std::string& out) {
    ++pos_;
    while (pos_ < text_.size()) {
      const char c = text_[pos_];
      if (c == '"') {
        ++pos_;
        return {};
      }
      if (c == '\\') {
        RETURN_IF_ERROR(read_escape(out));
      } else if (static_cast<unsigned char>(c) < 0x20) {
        return unexpected("in string literal");
      } else {
        const Rune rune = decode_rune(text_.substr(pos_));
        append_rune(out, rune.code);
        pos_ += rune.size;
      }
    }
    return unexpected("in string literal");
  }

  Status read_escape(std::string& out) {
    ++pos_;
    const char c = peek();
    constexpr std::string_view kEscapes = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (const size_t at = kEscapes.find(c); c != '\0' && at != std::string_view::npos) {
      out += kMeanings[at];
      ++pos_;
      return {};
    }
    if (c != 'u') return unexpected("in string escape code");
    ++pos_;
    uint32_t code = 0;
    if (!read_hex(code)) return unexpected("in \\u hexadecimal character escape");
    if (code >= 0xd800 && code < 0xdc00 && text_.substr(pos_, 2) == "\\u") {
      const size_t back = pos_;
      pos_ += 2;
      uint32_t low = 0;
      if (!read_hex(low)) return unexpected("in \\u hexadecimal character escape");
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      } else {
        pos_ = back;
      }
    }
    if (code >= 0xd800 && code < 0xe000) code = kRuneError;
    append_rune(out, code);
    return {};
  }

  bool read_hex(uint32_t& code) {
    for (int i = 0; i < 4; ++i, ++pos_) {
      const char c = peek();
      uint32_t digit = 0;
      if (is_digit(c)) {
        digit = static_cast<uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<uint32_t>(c - 'a') + 10;
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<uint32_t>(c - 'A') + 10;
      } else {
        return false;
      }
      code = code << 4 | digit;
    }
    return true;
  }

  std::string_view text_;
  size_t pos_ = 0;
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
  const JsonValue* found = nullptr;
  for (const auto& member : members) {
    if (member.first == name) found = &member.second;
  }
  return found;
}

Result<JsonValue> parse_json(std::string_view text) {
  return JsonParser(text).run();
}

}  // namespace silverback::base
