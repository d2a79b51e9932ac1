#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace silverback::rules::text_template {

enum class TokenKind : uint8_t {
  kError,  // text is the message; always the last token
  kBool,
  kChar,
  kCharConstant,
  kAssign,
  kDeclare,
  kEof,
  kField,
  kIdentifier,
  kLeftDelim,
  kLeftParen,
  kNumber,
  kPipe,
  kRawString,
  kRightDelim,
  kRightParen,
  kSpace,
  kString,
  kText,
  kVariable,
  // Keywords.
  kBlock,
  kBreak,
  kContinue,
  kDot,
  kDefine,
  kElse,
  kEnd,
  kIf,
  kNil,
  kRange,
  kTemplate,
  kWith,
};

struct Token {
  TokenKind kind = TokenKind::kEof;
  uint32_t pos = 0;       // byte offset
  uint32_t line = 1;      // 1-based
  std::string_view text;  // of the template's text
  std::string message;    // kError only
};

/// All tokens of `text`, ended by kEof or kError. Comments are left out and trim marks applied.
/// The tokens view into `text`.
std::vector<Token> lex(std::string_view text);

/// How parse errors show a token: <keyword>, "text" of at most ten characters, EOF or the error.
std::string token_text(const Token& token);

/// Decodes the UTF-8 character at the start of `s`; U+FFFD and length 1 when it is malformed.
char32_t decode_rune(std::string_view s, size_t& length);
void append_rune(std::string& out, char32_t rune);
/// A letter by Unicode; beyond ASCII an approximation by blocks.
bool is_letter(char32_t rune);

}  // namespace silverback::rules::text_template
