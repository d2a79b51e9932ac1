#include "promql/lexer.h"

#include "base/utf8.h"

namespace silverback::promql {

namespace {

using T = TokenType;

bool is_space(uint32_t r) {
  return r == ' ' || r == '\t' || r == '\n' || r == '\r';
}
bool is_digit(uint32_t r) {
  return r >= '0' && r <= '9';
}
bool is_alpha(uint32_t r) {
  return r == '_' || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z');
}
bool is_alphanumeric(uint32_t r) {
  return is_alpha(r) || is_digit(r);
}

/// Tokens of one character that mean the same in expressions and in durations.
T arithmetic_type(uint32_t r) {
  switch (r) {
    case ',': return T::kComma;
    case '*': return T::kMul;
    case '/': return T::kDiv;
    case '%': return T::kMod;
    case '+': return T::kAdd;
    case '-': return T::kSub;
    case '^': return T::kPow;
    default: return T::kError;
  }
}

/// min_of, max_of, range, step begin so.
bool starts_duration_keyword(uint32_t r) {
  return r < 0x80 &&
         std::string_view("mrsMRS").find(static_cast<char>(r)) != std::string_view::npos;
}

}  // namespace

uint32_t Lexer::peek() const {
  return pos_ >= input_.size() ? kEnd : base::decode_rune(input_.substr(pos_)).code;
}

uint32_t Lexer::take() {
  if (pos_ >= input_.size()) return kEnd;
  const base::Rune rune = base::decode_rune(input_.substr(pos_));
  pos_ += rune.size;
  return rune.code;
}

bool Lexer::at_one_of(std::string_view set) const {
  return pos_ < input_.size() && set.find(input_[pos_]) != std::string_view::npos;
}

bool Lexer::accept(std::string_view set) {
  if (!at_one_of(set)) return false;
  ++pos_;
  return true;
}

bool Lexer::starts_number(uint32_t first) const {
  return is_digit(first) || (first == '.' && is_digit(peek()));
}

void Lexer::skip_spaces() {
  while (pos_ < input_.size() && is_space(static_cast<unsigned char>(input_[pos_]))) ++pos_;
  start_ = pos_;
}

void Lexer::skip_comment() {
  while (pos_ < input_.size() && input_[pos_] != '\n' && input_[pos_] != '\r') ++pos_;
  start_ = pos_;
}

Token Lexer::emit(TokenType type) {
  Token token{type, static_cast<uint32_t>(start_), input_.substr(start_, pos_ - start_)};
  start_ = pos_;
  return token;
}

Token Lexer::fail(std::string message) {
  error_ = std::move(message);
  return {T::kError, static_cast<uint32_t>(start_), error_};
}

Token Lexer::next() {
  while (true) {
    skip_spaces();
    if (in_duration_) return next_in_duration();
    if (pos_ >= input_.size() || input_[pos_] != '#') break;
    skip_comment();
  }
  return brace_open_ ? next_in_braces() : next_statement();
}

Token Lexer::end_of_input() {
  if (paren_depth_ != 0) return fail("unclosed left parenthesis");
  if (bracket_open_) return fail("unclosed left bracket");
  return emit(T::kEof);
}

Token Lexer::next_statement() {
  const uint32_t r = take();
  if (r == kEnd) return end_of_input();
  if (T type = arithmetic_type(r); type != T::kError) return emit(type);
  if (starts_number(r)) {
    --pos_;
    return number_or_duration();
  }
  if (is_alpha(r) || r == ':') {
    if (bracket_open_) return in_brackets_word(r);
    return keyword_or_identifier();
  }
  switch (r) {
    case '=':
    case '!':
    case '<':
    case '>': return comparison(r);
    case '"':
    case '\'': return quoted(static_cast<char>(r));
    case '`': return raw_string();
    case '@': return emit(T::kAt);
    case '(': ++paren_depth_; return emit(T::kLeftParen);
    case ')':
      if (--paren_depth_ < 0) {
        start_ = pos_;
        return fail("unexpected right parenthesis ')'");
      }
      return emit(T::kRightParen);
    case '{': brace_open_ = true; return emit(T::kLeftBrace);
    case '[': {
      if (bracket_open_) return fail("unexpected left bracket '['");
      bracket_open_ = true;
      in_duration_ = true;
      got_colon_ = false;
      return emit(T::kLeftBracket);
    }
    case ']':
      if (!bracket_open_) return fail("unexpected right bracket ']'");
      bracket_open_ = false;
      return emit(T::kRightBracket);
    default: return fail("unexpected character: " + quote_rune(r));
  }
}

Token Lexer::comparison(uint32_t first) {
  const uint32_t second = peek();
  switch (first) {
    case '=':
      if (second == '~') return fail("unexpected character after '=': '~'");
      return emit(accept("=") ? T::kEqlc : T::kEql);
    case '!':
      if (second != '=') return fail("unexpected character after '!': " + quote_rune(second));
      take();
      return emit(T::kNeq);
    case '<':
      if (accept("=")) return emit(T::kLte);
      return emit(accept("/") ? T::kTrimUpper : T::kLss);
    default:
      if (accept("=")) return emit(T::kGte);
      return emit(accept("/") ? T::kTrimLower : T::kGtr);
  }
}

// A word between the first literal after `[` and the `]`: a colon or a duration keyword.
Token Lexer::in_brackets_word(uint32_t first) {
  if (first == ':') {
    if (got_colon_) return fail("unexpected colon ':'");
    got_colon_ = true;
    return emit(T::kColon);
  }
  T type;
  if (starts_duration_keyword(first) && scan_duration_keyword(type)) return emit(type);
  return fail("unexpected character: " + quote_rune(first) + ", expected ':'");
}

Token Lexer::next_in_braces() {
  const uint32_t r = take();
  if (r == kEnd) return fail("unexpected end of input inside braces");
  if (is_alpha(r)) {
    while (is_alphanumeric(peek())) take();
    return emit(T::kIdentifier);
  }
  switch (r) {
    case ',': return emit(T::kComma);
    case '"':
    case '\'': return quoted(static_cast<char>(r));
    case '`': return raw_string();
    case '=': return emit(accept("~") ? T::kEqlRegex : T::kEql);
    case '!': {
      if (accept("~")) return emit(T::kNeqRegex);
      if (accept("=")) return emit(T::kNeq);
      return fail("unexpected character after '!' inside braces: " + quote_rune(peek()));
    }
    case '{': return fail("unexpected left brace '{'");
    case '}': brace_open_ = false; return emit(T::kRightBrace);
    default: return fail("unexpected character inside braces: " + quote_rune(r));
  }
}

// Between `[` and the first literal.
Token Lexer::next_in_duration() {
  const uint32_t r = take();
  if (r == kEnd) return fail("unexpected end of input in duration expression");
  if (T type = arithmetic_type(r); type != T::kError) return emit(type);
  if (starts_number(r)) {
    --pos_;
    in_duration_ = false;
    got_duration_ = true;
    return number_or_duration();
  }
  switch (r) {
    case ']': in_duration_ = bracket_open_ = got_colon_ = false; return emit(T::kRightBracket);
    case ':':
      if (!got_duration_ || got_colon_) {
        start_ = pos_;
        return fail(got_duration_ ? "unexpected repeated colon in duration expression"
                                  : "unexpected colon before duration in duration expression");
      }
      got_colon_ = true;
      return emit(T::kColon);
    case '(': ++paren_depth_; return emit(T::kLeftParen);
    case ')':
      if (--paren_depth_ < 0) {
        start_ = pos_;
        return fail("unexpected right parenthesis ')'");
      }
      return emit(T::kRightParen);
    default: break;
  }
  T type;
  if (starts_duration_keyword(r) && scan_duration_keyword(type)) return emit(type);
  return fail("unexpected character in duration expression: " + quote_rune(r));
}

bool Lexer::scan_duration_keyword(TokenType& type) {
  while (is_alpha(peek())) take();
  type = keyword_type(input_.substr(start_, pos_ - start_));
  return type == T::kStep || type == T::kRange || type == T::kMaxOf || type == T::kMinOf;
}

Token Lexer::keyword_or_identifier() {
  while (is_alphanumeric(peek()) || peek() == ':') take();
  const std::string_view word = input_.substr(start_, pos_ - start_);
  const T type = keyword_type(word);
  // Metrics of these names are older than the modifiers.
  const bool is_fill = type == T::kFill || type == T::kFillLeft || type == T::kFillRight;
  if (is_fill && !followed_by_left_paren()) return emit(T::kIdentifier);
  if (type != T::kIdentifier) return emit(type);
  return emit(word.find(':') == std::string_view::npos ? T::kIdentifier : T::kMetricIdentifier);
}

bool Lexer::followed_by_left_paren() const {
  size_t at = pos_;
  while (at < input_.size() && is_space(static_cast<unsigned char>(input_[at]))) ++at;
  return at < input_.size() && input_[at] == '(';
}

}  // namespace silverback::promql
