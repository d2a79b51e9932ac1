// Any bytes as a remote write body: first as the message itself, then as a snappy block.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/remote/label_rules.h"
#include "storage/remote/write_codec.h"

namespace {

void read_message(std::string_view message) {
  namespace remote = silverback::storage::remote;
  remote::WriteRequestReader reader(message);
  remote::WireSeries series;
  remote::WireHistogram histogram;
  std::string bytes;
  while (reader.next(series)) {
    const auto status = remote::encode_series_labels(series.labels, bytes);
    if (status.is_ok() && !silverback::model::Labels::valid_bytes(bytes)) __builtin_trap();
    if (!status.is_ok()) remote::describe_labels(series.labels);
    for (const std::string_view message_of : series.histograms) {
      remote::decode_histogram(message_of, histogram).permit_unchecked("any answer will do");
    }
  }
  reader.status().permit_unchecked("any answer will do");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  read_message(bytes);
  const auto body = silverback::storage::remote::decode_snappy(bytes);
  if (body.is_ok()) read_message(body->view());
  return 0;
}
