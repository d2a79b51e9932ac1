#pragma once

#include <cstddef>

#include "tsdb/db.h"
#include "tsdb/postings.h"

namespace silverback::tsdb {

/// The top lists of status/tsdb, at most `limit` entries each.
CardinalityStats count_cardinality(const Postings& postings, size_t limit);

}  // namespace silverback::tsdb
