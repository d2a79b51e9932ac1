#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "model/labels.h"
#include "promql/value.h"

namespace silverback::server::api {

/// A large JSON value, written piece by piece: what has been written is let go of, and the whole
/// text is never in memory. Threads: externally locked.
class JsonPieces {
 public:
  virtual ~JsonPieces() = default;
  /// Appends some `bytes` more to `out`; false when that was the end.
  virtual bool next(std::string& out, size_t bytes) = 0;
};

/// {"resultType":...,"result":...} of a query. `more_fields` (",\"stats\":{...}" or nothing) goes
/// behind the result; `holds` is kept until the end.
std::unique_ptr<JsonPieces> value_pieces(promql::Value value, std::string more_fields = {},
                                         std::shared_ptr<void> holds = {});
/// [{label set},...]
std::unique_ptr<JsonPieces> label_set_pieces(std::vector<model::Labels> sets);
/// ["string",...]
std::unique_ptr<JsonPieces> string_pieces(std::vector<std::string> strings);

}  // namespace silverback::server::api
