#pragma once

#include <string>

#include "rules/template/format_number.h"
#include "rules/template/value.h"

namespace silverback::rules::text_template {

/// One operand of Go's printf under `verb`, appended to `out`; %!verb(type=value) when the type
/// does not take the verb.
void format_value(std::string& out, const Value& value, char verb, const FormatSpec& spec);

}  // namespace silverback::rules::text_template
