#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/querier.h"
#include "tests/promql/script.h"

namespace silverback::testing {

/// Where a script's samples go. Threads: one.
class ScriptStorage {
 public:
  virtual ~ScriptStorage() = default;
  virtual base::Status clear() = 0;
  virtual base::Status load(const LoadCommand& command) = 0;
  /// What queries read; everything loaded so far is in it.
  virtual base::Result<storage::Queryable*> open() = 0;
};

/// "memory" (the double), "head" (tsdb, nothing flushed) or "disk" (tsdb, all flushed).
base::Result<std::unique_ptr<ScriptStorage>> make_script_storage(std::string_view kind);

}  // namespace silverback::testing
