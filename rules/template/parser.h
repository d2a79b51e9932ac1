#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "rules/template/node.h"

namespace silverback::rules::text_template {

/// Parses a template named `name`, which error texts carry: kBadData
/// "template: <name>:<line>: <message>". Every function must exist and every variable be declared.
/// Bounded: 100 levels of nesting, 1 MiB of text. Threads: any thread.
base::Result<std::shared_ptr<const Tree>> parse(std::string name, std::string text);

}  // namespace silverback::rules::text_template
