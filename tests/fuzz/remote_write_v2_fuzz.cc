// Any bytes as a remote write 2.0 message: read by us and by libprotobuf, which must agree on what
// both can read. Then as a snappy block.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/remote/label_rules.h"
#include "storage/remote/write_v2_codec.h"
#include "tests/support/oracle/write_oracle.h"

namespace {

namespace remote = silverback::storage::remote;

void drive(std::string_view message) {
  remote::WriteRequestV2Reader reader(message);
  remote::WireSeries series;
  std::string bytes;
  while (reader.next(series)) {
    if (!series.labels_status.is_ok()) continue;
    const auto status = remote::encode_series_labels(series.labels, bytes);
    if (status.is_ok() && !silverback::model::Labels::valid_bytes(bytes)) __builtin_trap();
    if (!status.is_ok()) remote::describe_labels(series.labels);
  }
  const auto ours = silverback::testing::v2_as_we_read(message);
  const auto theirs = silverback::testing::v2_as_protobuf_reads(std::string(message));
  if (ours && theirs && *ours != *theirs) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  drive(bytes);
  const auto body = remote::decode_snappy(bytes);
  if (body.is_ok()) drive(body->view());
  return 0;
}
