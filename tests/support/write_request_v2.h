#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/write_request.h"

namespace silverback::testing {

/// Builds a remote write 2.0 body as a sender does.
class WriteRequestV2 {
 public:
  using Pairs = WriteRequest::Pairs;

  WriteRequestV2() : symbols_{""} {}
  /// The index of a string in the table, which gets it if it is new.
  uint32_t symbol(std::string_view text);

  /// Starts a series; labels go out as they are given.
  WriteRequestV2& series(const Pairs& labels);
  /// Starts a series of any references.
  WriteRequestV2& series_of_refs(const std::vector<uint32_t>& refs);
  WriteRequestV2& sample(int64_t t, double value, int64_t start = 0);
  WriteRequestV2& histogram(int64_t t, const model::Histogram& h, int64_t start = 0);
  WriteRequestV2& exemplar(const Pairs& labels, int64_t t, double value);
  WriteRequestV2& metadata(uint32_t type, std::string_view help, std::string_view unit);

  std::string protobuf() const;
  /// protobuf() as a snappy block: a request's body.
  std::string body() const { return snappy_block(protobuf()); }

 private:
  std::vector<uint32_t> refs(const Pairs& labels);
  std::vector<std::string> symbols_;
  std::vector<ProtoWriter> series_;
};

/// Numbers packed into one field.
std::string packed(const std::vector<uint32_t>& numbers);

}  // namespace silverback::testing
