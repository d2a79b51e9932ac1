#pragma once

#include <string>

#include "base/result.h"
#include "rules/template/function_table.h"
#include "rules/template/node.h"
#include "rules/template/value.h"

namespace silverback::rules::text_template {

/// Bounds of one execution; passing one is an error of the template.
struct Limits {
  size_t output_bytes = 1 << 20;  // of the result, and of each string on the way
  uint64_t steps = 1'000'000;     // nodes walked, calls made
  int depth = 250;                // nested templates, branches and pipelines
};

/// Runs a parsed template over `data`. kExecution:
/// `template: <name>:<line>:<column>: executing "<name>" at <node>: <message>`.
/// Missing map keys give the zero value of the map's element. Threads: any thread.
base::Result<std::string> execute(const Tree& tree, const Value& data, const Environment& env,
                                  const Limits& limits = {});

}  // namespace silverback::rules::text_template
