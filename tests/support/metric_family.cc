#include "tests/support/metric_family.h"

#include <cstdlib>
#include <iostream>
#include <memory>

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

namespace silverback::testing {
namespace {

namespace pb = google::protobuf;

constexpr const char* kSchema = R"(
syntax = "proto3";
package io.prometheus.client;
message Timestamp { int64 seconds = 1; int32 nanos = 2; }
message LabelPair { string name = 1; string value = 2; }
enum MetricType { COUNTER = 0; GAUGE = 1; SUMMARY = 2; UNTYPED = 3; HISTOGRAM = 4; GAUGE_HISTOGRAM = 5; }
message Gauge { double value = 1; }
message Counter { double value = 1; Exemplar exemplar = 2; Timestamp start_timestamp = 3; }
message Quantile { double quantile = 1; double value = 2; }
message Summary {
  uint64 sample_count = 1; double sample_sum = 2; repeated Quantile quantile = 3;
  Timestamp start_timestamp = 4;
}
message Untyped { double value = 1; }
message Histogram {
  uint64 sample_count = 1; double sample_count_float = 4; double sample_sum = 2;
  repeated Bucket bucket = 3; Timestamp start_timestamp = 15;
  sint32 schema = 5; double zero_threshold = 6; uint64 zero_count = 7; double zero_count_float = 8;
  repeated BucketSpan negative_span = 9; repeated sint64 negative_delta = 10;
  repeated double negative_count = 11;
  repeated BucketSpan positive_span = 12; repeated sint64 positive_delta = 13;
  repeated double positive_count = 14;
  repeated Exemplar exemplars = 16;
}
message Bucket {
  uint64 cumulative_count = 1; double cumulative_count_float = 4; double upper_bound = 2;
  Exemplar exemplar = 3;
}
message BucketSpan { sint32 offset = 1; uint32 length = 2; }
message Exemplar { repeated LabelPair label = 1; double value = 2; Timestamp timestamp = 3; }
message Metric {
  repeated LabelPair label = 1; Gauge gauge = 2; Counter counter = 3; Summary summary = 4;
  Untyped untyped = 5; Histogram histogram = 7; int64 timestamp_ms = 6;
}
message MetricFamily {
  string name = 1; string help = 2; MetricType type = 3; repeated Metric metric = 4; string unit = 5;
}
)";

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "metric_family: " << why << "\n";
  std::abort();
}

// The schema, once for the process.
class Schema {
 public:
  Schema() : factory_(&pool_) {
    pb::io::ArrayInputStream in(kSchema, static_cast<int>(std::string_view(kSchema).size()));
    pb::io::Tokenizer tokens(&in, nullptr);
    pb::FileDescriptorProto file;
    file.set_name("metrics.proto");
    if (!pb::compiler::Parser().Parse(&tokens, &file) || pool_.BuildFile(file) == nullptr) {
      give_up("the schema does not parse");
    }
    family_ =
        factory_.GetPrototype(pool_.FindMessageTypeByName("io.prometheus.client.MetricFamily"));
  }
  std::unique_ptr<pb::Message> family() const {
    return std::unique_ptr<pb::Message>(family_->New());
  }

 private:
  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory factory_;
  const pb::Message* family_ = nullptr;
};

const Schema& schema() {
  static const Schema instance;
  return instance;
}

}  // namespace

std::string metric_family(std::string_view text) {
  const std::unique_ptr<pb::Message> message = schema().family();
  if (!pb::TextFormat::ParseFromString(std::string(text), message.get())) {
    give_up("no MetricFamily: " + std::string(text));
  }
  return message->SerializeAsString();
}

std::string with_length(std::string_view message) {
  std::string out;
  size_t n = message.size();
  for (; n >= 0x80; n >>= 7) out.push_back(static_cast<char>((n & 0x7f) | 0x80));
  out.push_back(static_cast<char>(n));
  out.append(message);
  return out;
}

std::string metric_page(const std::vector<std::string_view>& families) {
  std::string out;
  for (const std::string_view text : families) out += with_length(metric_family(text));
  return out;
}

bool is_metric_page(std::string_view page) {
  pb::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(page.data()),
                              static_cast<int>(page.size()));
  while (in.CurrentPosition() < static_cast<int>(page.size())) {
    uint32_t length = 0;
    if (!in.ReadVarint32(&length)) return false;
    std::string bytes;
    if (length > page.size() || !in.ReadString(&bytes, static_cast<int>(length))) return false;
    if (!schema().family()->ParseFromString(bytes)) return false;
  }
  return true;
}

}  // namespace silverback::testing
