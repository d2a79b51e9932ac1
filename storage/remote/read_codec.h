#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "storage/querier.h"
#include "storage/remote/prom_chunk.h"

namespace silverback::storage::remote {

struct ReadQuery {
  model::TimestampMs start = 0, end = 0;  // both inclusive
  model::Matchers matchers;
};
struct ReadRequest {
  std::vector<ReadQuery> queries;
  bool streamed = false;  // STREAMED_XOR_CHUNKS, else SAMPLES
};

/// A snappy block with a ReadRequest. The first answer type that is known wins. A matcher that asks
/// for one of `external` labels asks for its absence: stored series do not carry it. kBadData.
base::Result<ReadRequest> decode_read_request(std::string_view body, const model::Labels& external);

/// Appends one TimeSeries of a QueryResult.
void append_time_series(std::string& out, const model::Labels& labels, const ColumnBuffer& samples);

/// One frame of a streamed answer: length, checksum, ChunkedReadResponse.
void append_chunk_frame(std::string& out, size_t query_index, const model::Labels& labels,
                        const std::vector<PromChunk>& chunks, size_t from, size_t to);

/// Labels of `series`, and those of `external` that it does not have.
model::Labels with_external(const model::Labels& series, const model::Labels& external);

std::string snappy_block(std::string_view message);

}  // namespace silverback::storage::remote
