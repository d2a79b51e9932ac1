#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/histogram.h"

namespace silverback::testing {

/// Writes protobuf fields.
class ProtoWriter {
 public:
  ProtoWriter& varint(uint32_t field, uint64_t v);
  ProtoWriter& sint(uint32_t field, int64_t v);
  ProtoWriter& number(uint32_t field, double v);
  ProtoWriter& bytes(uint32_t field, std::string_view v);
  const std::string& out() const { return out_; }

 private:
  void tag(uint32_t field, uint32_t wire_type);
  void raw_varint(uint64_t v);
  std::string out_;
};

/// Builds a remote write 1.0 body as a sender does.
class WriteRequest {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  /// Starts a series; labels go out as they are given.
  WriteRequest& series(const Pairs& labels);
  WriteRequest& sample(int64_t t, double value);
  /// Whole numbers as deltas if `h.integer`, else absolute.
  WriteRequest& histogram(int64_t t, const model::Histogram& h);
  WriteRequest& exemplar(const Pairs& labels, int64_t t, double value);

  std::string protobuf() const;
  /// protobuf() as a snappy block: a request's body.
  std::string body() const;

 private:
  std::vector<ProtoWriter> series_;
};

/// The histogram message of both versions.
std::string histogram_message(int64_t t, const model::Histogram& h);

std::string snappy_block(std::string_view content);

}  // namespace silverback::testing
