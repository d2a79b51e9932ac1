#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "promql/token.h"

namespace silverback::promql {

/// Cuts a query into tokens, one a call; spaces and comments between them are dropped. What is a
/// token depends on where it stands: in braces words are plain identifiers, after `[` only
/// durations and their arithmetic are read.
/// Threads: one query, one thread. The text outlives the lexer and its tokens.
class Lexer {
 public:
  explicit Lexer(std::string_view input) : input_(input) {}

  /// The next token: kEof at the end, kError once (with the message as text) and then no more use.
  Token next();

 private:
  static constexpr uint32_t kEnd = 0xffffffff;  // the rune after the last

  Token next_statement();
  Token next_in_braces();
  Token next_in_duration();
  Token comparison(uint32_t first);
  Token in_brackets_word(uint32_t first);
  Token keyword_or_identifier();
  Token end_of_input();
  Token number_or_duration();
  Token quoted(char quote);
  Token raw_string();

  bool scan_number();
  bool number_dot(std::string_view digits, bool& dot_seen);
  bool scan_duration();
  bool scan_duration_keyword(TokenType& type);
  /// The message of a wrong escape sequence, "" when it is fine.
  std::string scan_escape(char quote);
  bool followed_by_left_paren() const;

  uint32_t peek() const;
  uint32_t take();
  bool accept(std::string_view set);
  bool at_one_of(std::string_view set) const;
  bool starts_number(uint32_t first) const;
  void skip_spaces();
  void skip_comment();

  Token emit(TokenType type);
  Token fail(std::string message);

  const std::string_view input_;
  size_t pos_ = 0;    // of the next rune
  size_t start_ = 0;  // of the current token
  int paren_depth_ = 0;
  bool brace_open_ = false;
  bool bracket_open_ = false;
  bool in_duration_ = false;  // after `[` or `:`-less arithmetic, before the first literal
  bool got_colon_ = false;
  bool got_duration_ = false;
  std::string error_;
};

}  // namespace silverback::promql
