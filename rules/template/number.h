#pragma once

#include <memory>

#include "base/result.h"
#include "rules/template/lexer.h"
#include "rules/template/node.h"

namespace silverback::rules::text_template {

/// A number or character constant as Go reads it: every type that holds it exactly is marked.
/// kBadData with the message alone, for the caller to add the place.
base::Result<std::unique_ptr<NumberNode>> parse_number(const Token& token);

}  // namespace silverback::rules::text_template
