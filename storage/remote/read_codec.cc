#include "storage/remote/read_codec.h"

#include <snappy.h>

#include <optional>

#include "base/crc32c.h"
#include "storage/remote/wire_reader.h"
#include "storage/remote/wire_writer.h"
#include "storage/remote/write_codec.h"

namespace silverback::storage::remote {

namespace {

using base::Errc;
using base::Result;
using base::Status;

constexpr uint64_t kSamples = 0;
constexpr uint64_t kStreamedXorChunks = 1;

Status malformed(const char* what) {
  return Status(Errc::kBadData, std::string("malformed ") + what);
}

Result<model::Matcher> decode_matcher(std::string_view message, const model::Labels& external) {
  uint64_t type = 0;
  std::string name, value;
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1: type = in.as_varint(); break;
      case 2: name = in.as_bytes(); break;
      case 3: value = in.as_bytes(); break;
      default: break;
    }
  }
  if (in.failed()) return malformed("matcher");
  if (type > 3) return Status(Errc::kBadData, "invalid matcher type");
  const auto match = static_cast<model::MatchType>(type);
  if (match == model::MatchType::kEqual && external.has(name) && external.get(name) == value) {
    value.clear();
  }
  return model::Matcher::make(match, std::move(name), std::move(value));
}

Result<ReadQuery> decode_query(std::string_view message, const model::Labels& external) {
  ReadQuery query;
  WireReader in(message);
  while (in.next()) {
    switch (in.field()) {
      case 1: query.start = in.as_int64(); break;
      case 2: query.end = in.as_int64(); break;
      case 3: {
        ASSIGN_OR_RETURN(model::Matcher matcher, decode_matcher(in.as_bytes(), external));
        query.matchers.push_back(std::move(matcher));
        break;
      }
      default: break;
    }
  }
  if (in.failed()) return malformed("query");
  return query;
}

/// Packed or one by one.
void add_types(WireReader& in, std::vector<uint64_t>& out) {
  if (in.type() != WireType::kBytes) {
    out.push_back(in.as_varint());
    return;
  }
  WireReader packed(in.as_bytes());
  while (!packed.at_end()) out.push_back(packed.varint());
  if (packed.failed()) in.fail();
}

void append_labels(WireWriter& w, const model::Labels& labels) {
  for (const model::Label& label : labels) {
    std::string message;
    WireWriter inner(message);
    inner.bytes(1, label.name);
    inner.bytes(2, label.value);
    w.bytes(1, message);
  }
}

void append_spans(WireWriter& w, uint32_t field, const std::vector<model::Span>& spans) {
  for (const model::Span& span : spans) {
    std::string message;
    WireWriter inner(message);
    inner.sint(1, span.offset);
    inner.varint(2, span.length);
    w.bytes(field, message);
  }
}

void append_doubles(WireWriter& w, uint32_t field, const std::vector<double>& values) {
  if (values.empty()) return;
  std::string packed;
  for (const double v : values) append_fixed64(packed, v);
  w.bytes(field, packed);
}

void append_deltas(WireWriter& w, uint32_t field, const std::vector<double>& counts) {
  if (counts.empty()) return;
  std::string packed;
  int64_t last = 0;
  for (const double count : counts) {
    const auto whole = static_cast<int64_t>(count);
    append_uvarint(packed, WireWriter::zigzag(whole - last));
    last = whole;
  }
  w.bytes(field, packed);
}

std::string histogram_message(model::TimestampMs t, const model::Histogram& h) {
  std::string message;
  WireWriter w(message);
  if (h.integer) {
    w.varint(1, static_cast<uint64_t>(h.count));
  } else {
    w.number(2, h.count);
  }
  w.number(3, h.sum);
  w.sint(4, h.schema);
  w.number(5, h.zero_threshold);
  if (h.integer) {
    w.varint(6, static_cast<uint64_t>(h.zero_count));
  } else {
    w.number(7, h.zero_count);
  }
  append_spans(w, 8, h.negative_spans);
  if (h.integer) {
    append_deltas(w, 9, h.negative_buckets);
  } else {
    append_doubles(w, 10, h.negative_buckets);
  }
  append_spans(w, 11, h.positive_spans);
  if (h.integer) {
    append_deltas(w, 12, h.positive_buckets);
  } else {
    append_doubles(w, 13, h.positive_buckets);
  }
  w.varint(14, static_cast<uint64_t>(h.hint));
  w.int64(15, t);
  append_doubles(w, 16, h.custom_values);
  return message;
}

}  // namespace

Result<ReadRequest> decode_read_request(std::string_view body, const model::Labels& external) {
  ASSIGN_OR_RETURN(const DecodedBody decoded, decode_snappy(body));
  ReadRequest request;
  std::vector<uint64_t> types;
  WireReader in(decoded.view());
  while (in.next()) {
    if (in.field() == 1) {
      ASSIGN_OR_RETURN(ReadQuery query, decode_query(in.as_bytes(), external));
      request.queries.push_back(std::move(query));
    } else if (in.field() == 2) {
      add_types(in, types);
    }
  }
  if (in.failed()) return malformed("read request");
  if (types.empty()) types.push_back(kSamples);
  for (const uint64_t type : types) {
    if (type != kSamples && type != kStreamedXorChunks) continue;
    request.streamed = type == kStreamedXorChunks;
    return request;
  }
  return Status(Errc::kBadData,
                "server does not support any of the requested response types; supported: "
                "SAMPLES, STREAMED_XOR_CHUNKS");
}

void append_time_series(std::string& out, const model::Labels& labels,
                        const ColumnBuffer& samples) {
  std::string series;
  WireWriter w(series);
  append_labels(w, labels);
  std::string message;
  for (size_t i = 0; i < samples.t.size(); ++i) {
    message.clear();
    WireWriter inner(message);
    inner.number(1, samples.v[i]);
    inner.int64(2, samples.t[i]);
    w.bytes(2, message);
  }
  for (size_t i = 0; i < samples.histogram_t.size(); ++i) {
    w.bytes(4, histogram_message(samples.histogram_t[i], samples.histograms[i]));
  }
  WireWriter(out).bytes(1, series);
}

void append_chunk_frame(std::string& out, size_t query_index, const model::Labels& labels,
                        const std::vector<PromChunk>& chunks, size_t from, size_t to) {
  std::string series;
  WireWriter w(series);
  append_labels(w, labels);
  for (size_t i = from; i < to; ++i) {
    std::string chunk;
    WireWriter inner(chunk);
    inner.int64(1, chunks[i].min_t);
    inner.int64(2, chunks[i].max_t);
    inner.varint(3, static_cast<uint64_t>(chunks[i].encoding));
    inner.bytes(4, chunks[i].data);
    w.bytes(2, chunk);
  }
  std::string message;
  WireWriter response(message);
  response.bytes(1, series);
  response.varint(2, query_index);
  append_uvarint(out, message.size());
  const uint32_t checksum = base::crc32c(message);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    out.push_back(static_cast<char>(checksum >> shift & 0xff));
  }
  out += message;
}

model::Labels with_external(const model::Labels& series, const model::Labels& external) {
  if (external.empty()) return series;
  model::LabelsBuilder builder(series);
  for (const model::Label& label : external) {
    if (!series.has(label.name)) builder.set(label.name, label.value);
  }
  return builder.build();
}

std::string snappy_block(std::string_view message) {
  std::string out;
  snappy::Compress(message.data(), message.size(), &out);
  return out;
}

}  // namespace silverback::storage::remote
