#include "rules/template/lexer.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "model/labels.h"
#include "rules/template/rune.h"

namespace silverback::rules::text_template {

namespace {

constexpr std::string_view kLeft = "{{";
constexpr std::string_view kRight = "}}";
constexpr std::string_view kSpaces = " \t\r\n";
constexpr char32_t kEnd = 0xffffffff;

bool is_space(char32_t r) {
  return r == ' ' || r == '\t' || r == '\r' || r == '\n';
}
bool is_alphanumeric(char32_t r) {
  return r == '_' || (r >= '0' && r <= '9') || is_letter(r);
}

bool left_trim_mark(std::string_view s) {
  return s.size() >= 2 && s[0] == '-' && is_space(static_cast<unsigned char>(s[1]));
}
bool right_trim_mark(std::string_view s) {
  return s.size() >= 2 && is_space(static_cast<unsigned char>(s[0])) && s[1] == '-';
}

/// %#U
std::string rune_name(char32_t r) {
  if (r == kEnd) return "U+FFFFFFFFFFFFFFFF";  // Go prints its end marker, -1, so
  char buf[16];
  std::snprintf(buf, sizeof buf, "U+%04X", static_cast<unsigned>(r));
  std::string out = buf;
  if (r >= 0x20 && r != 0x7f && (r < 0x80 || is_letter(r))) {
    out += " '";
    append_rune(out, r);
    out += '\'';
  }
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (!done_) {
      if (inside_) {
        action_token();
      } else {
        text_token();
      }
    }
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return text_.substr(pos_); }
  char32_t peek() const {
    if (pos_ >= text_.size()) return kEnd;
    size_t length = 0;
    return decode_rune(rest(), length);
  }
  char32_t next() {
    if (pos_ >= text_.size()) return kEnd;
    size_t length = 0;
    const char32_t r = decode_rune(rest(), length);
    pos_ += length;
    return r;
  }

  /// The text since the last token becomes one.
  void emit(TokenKind kind) {
    Token token;
    token.kind = kind;
    token.pos = static_cast<uint32_t>(start_);
    token.line = line_;
    token.text = text_.substr(start_, pos_ - start_);
    tokens_.push_back(std::move(token));
    ignore();
  }
  void ignore() {
    const std::string_view skipped = text_.substr(start_, pos_ - start_);
    line_ += static_cast<uint32_t>(std::count(skipped.begin(), skipped.end(), '\n'));
    start_ = pos_;
  }
  void fail(std::string message) {
    Token token;
    token.kind = TokenKind::kError;
    token.pos = static_cast<uint32_t>(start_);
    token.line = line_;
    token.message = std::move(message);
    tokens_.push_back(std::move(token));
    done_ = true;
  }

  void text_token() {
    const size_t at = text_.find(kLeft, pos_);
    if (at == std::string_view::npos) {
      pos_ = text_.size();
      if (pos_ > start_) emit(TokenKind::kText);
      emit(TokenKind::kEof);
      done_ = true;
      return;
    }
    size_t end = at;
    if (left_trim_mark(text_.substr(at + kLeft.size()))) {
      const size_t last = text_.substr(start_, at - start_).find_last_not_of(kSpaces);
      end = last == std::string_view::npos ? start_ : start_ + last + 1;
    }
    pos_ = end;
    if (pos_ > start_) emit(TokenKind::kText);
    pos_ = at;
    ignore();
    left_delim();
  }

  void left_delim() {
    pos_ += kLeft.size();
    const size_t marker = left_trim_mark(rest()) ? 2 : 0;
    if (text_.substr(pos_ + marker).starts_with("/*")) {
      pos_ += marker;
      ignore();
      comment();
      return;
    }
    emit(TokenKind::kLeftDelim);
    inside_ = true;
    paren_depth_ = 0;
    pos_ += marker;
    ignore();
  }

  void comment() {
    const size_t end = text_.find("*/", pos_ + 2);
    if (end == std::string_view::npos) return fail("unclosed comment");
    pos_ = end + 2;
    const auto [delim, trim] = at_right_delim();
    if (!delim) return fail("comment ends before closing delimiter");
    close_delim(trim);
    ignore();
  }

  std::pair<bool, bool> at_right_delim() const {
    if (right_trim_mark(rest()) && text_.substr(pos_ + 2).starts_with(kRight)) return {true, true};
    return {rest().starts_with(kRight), false};
  }

  void close_delim(bool trim) {
    pos_ += (trim ? 2 : 0) + kRight.size();
    if (!trim) return;
    const size_t first = rest().find_first_not_of(kSpaces);
    pos_ = first == std::string_view::npos ? text_.size() : pos_ + first;
  }

  void right_delim(bool trim) {
    if (trim) {
      pos_ += 2;
      ignore();
    }
    pos_ += kRight.size();
    emit(TokenKind::kRightDelim);
    if (trim) {
      const size_t first = rest().find_first_not_of(kSpaces);
      pos_ = first == std::string_view::npos ? text_.size() : pos_ + first;
      ignore();
    }
    inside_ = false;
  }

  void action_token() {
    const auto [delim, trim] = at_right_delim();
    if (delim) {
      if (paren_depth_ > 0) return fail("unclosed left paren");
      return right_delim(trim);
    }
    const char32_t r = peek();
    if (r == kEnd) return fail("unclosed action");
    if (is_space(r)) return space();
    next();
    switch (r) {
      case '=': return emit(TokenKind::kAssign);
      case ':':
        if (next() != '=') return fail("expected :=");
        return emit(TokenKind::kDeclare);
      case '|': return emit(TokenKind::kPipe);
      case '"': return quoted('"', TokenKind::kString, "unterminated quoted string");
      case '\'': return quoted('\'', TokenKind::kCharConstant, "unterminated character constant");
      case '`': return raw_quoted();
      case '$': return field_or_variable(TokenKind::kVariable);
      case '(': ++paren_depth_; return emit(TokenKind::kLeftParen);
      case ')':
        if (--paren_depth_ < 0) return fail("unexpected right paren");
        return emit(TokenKind::kRightParen);
      default: break;
    }
    if (r == '.' && pos_ < text_.size() && (text_[pos_] < '0' || text_[pos_] > '9')) {
      return field_or_variable(TokenKind::kField);
    }
    if (r == '.' || r == '+' || r == '-' || (r >= '0' && r <= '9')) return number();
    if (is_alphanumeric(r)) return identifier();
    if (r > 0x20 && r < 0x7f) return emit(TokenKind::kChar);
    fail("unrecognized character in action: " + rune_name(r));
  }

  void space() {
    size_t count = 0;
    while (is_space(peek())) {
      next();
      ++count;
    }
    // The last space may belong to a trimming delimiter " -}}".
    if (right_trim_mark(text_.substr(pos_ - 1)) && text_.substr(pos_ + 1).starts_with(kRight)) {
      --pos_;
      if (count == 1) return right_delim(true);
    }
    emit(TokenKind::kSpace);
  }

  bool at_terminator() const {
    const char32_t r = peek();
    if (is_space(r) || r == kEnd) return true;
    if (r == '.' || r == ',' || r == '|' || r == ':' || r == ')' || r == '(') return true;
    return rest().starts_with(kRight);
  }

  void identifier() {
    while (is_alphanumeric(peek())) next();
    if (!at_terminator()) return fail("bad character " + rune_name(peek()));
    const std::string_view word = text_.substr(start_, pos_ - start_);
    static constexpr std::pair<std::string_view, TokenKind> kKeywords[] = {
        {"block", TokenKind::kBlock},
        {"break", TokenKind::kBreak},
        {"continue", TokenKind::kContinue},
        {"define", TokenKind::kDefine},
        {"else", TokenKind::kElse},
        {"end", TokenKind::kEnd},
        {"if", TokenKind::kIf},
        {"range", TokenKind::kRange},
        {"nil", TokenKind::kNil},
        {"template", TokenKind::kTemplate},
        {"with", TokenKind::kWith},
        {"true", TokenKind::kBool},
        {"false", TokenKind::kBool},
    };
    for (const auto& [keyword, kind] : kKeywords) {
      if (word == keyword) return emit(kind);
    }
    emit(TokenKind::kIdentifier);
  }

  void field_or_variable(TokenKind kind) {
    if (at_terminator()) {
      return emit(kind == TokenKind::kVariable ? TokenKind::kVariable : TokenKind::kDot);
    }
    while (is_alphanumeric(peek())) next();
    if (!at_terminator()) return fail("bad character " + rune_name(peek()));
    emit(kind);
  }

  void quoted(char32_t quote, TokenKind kind, std::string_view unterminated) {
    for (;;) {
      const char32_t r = next();
      if (r == quote) return emit(kind);
      if (r == '\\') {
        const char32_t escaped = next();
        if (escaped != kEnd && escaped != '\n') continue;
        return fail(std::string(unterminated));
      }
      if (r == kEnd || r == '\n') return fail(std::string(unterminated));
    }
  }

  void raw_quoted() {
    for (;;) {
      const char32_t r = next();
      if (r == '`') return emit(TokenKind::kRawString);
      if (r == kEnd) return fail("unterminated raw quoted string");
    }
  }

  bool accept(std::string_view set) {
    if (pos_ >= text_.size() || set.find(text_[pos_]) == std::string_view::npos) return false;
    ++pos_;
    return true;
  }
  void accept_run(std::string_view set) {
    while (accept(set)) {
    }
  }

  void number() {
    pos_ = start_;
    accept("+-");
    std::string_view digits = "0123456789_";
    bool decimal = true, hex = false;
    if (accept("0")) {
      if (accept("xX")) {
        digits = "0123456789abcdefABCDEF_";
        decimal = false;
        hex = true;
      } else if (accept("oO")) {
        digits = "01234567_";
        decimal = false;
      } else if (accept("bB")) {
        digits = "01_";
        decimal = false;
      }
    }
    accept_run(digits);
    if (accept(".")) accept_run(digits);
    if ((decimal && accept("eE")) || (hex && accept("pP"))) {
      accept("+-");
      accept_run("0123456789_");
    }
    const char32_t r = peek();
    if (is_alphanumeric(r) || r == '+' || r == '-') {
      next();
      return fail("bad number syntax: " + model::go_quote(text_.substr(start_, pos_ - start_)));
    }
    emit(TokenKind::kNumber);
  }

  std::string_view text_;
  size_t pos_ = 0, start_ = 0;
  uint32_t line_ = 1;
  int paren_depth_ = 0;
  bool inside_ = false, done_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> lex(std::string_view text) {
  return Lexer(text).run();
}

std::string token_text(const Token& token) {
  if (token.kind == TokenKind::kEof) return "EOF";
  if (token.kind == TokenKind::kError) return token.message;
  if (token.kind >= TokenKind::kBlock) return "<" + std::string(token.text) + ">";
  if (token.text.size() <= 10) return model::go_quote(token.text);
  size_t end = 0;
  for (int runes = 0; runes < 10 && end < token.text.size(); ++runes) {
    size_t length = 0;
    decode_rune(token.text.substr(end), length);
    end += length;
  }
  return model::go_quote(token.text.substr(0, end)) + "...";
}

}  // namespace silverback::rules::text_template
