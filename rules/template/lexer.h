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

}  // namespace silverback::rules::text_template
