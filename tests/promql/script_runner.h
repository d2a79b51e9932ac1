#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/promql/script.h"
#include "tests/promql/script_storage.h"

namespace silverback::testing {

struct ScriptReport {
  size_t evals = 0;
  std::vector<std::string> failures;  // "line 12: <query>: what is wrong"
};

/// Runs every command of a script against a new engine. An instant query is repeated with its time
/// pinned by @ at other evaluation times, and as the middle step of a range query.
ScriptReport run_script(const Script& script, ScriptStorage& storage);

}  // namespace silverback::testing
