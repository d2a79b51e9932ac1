#include "tests/support/metric_family.h"

#include <cstdlib>
#include <iostream>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/text_format.h>

#include "metrics.pb.h"

namespace silverback::testing {

namespace pb = google::protobuf;
using Family = io::prometheus::client::MetricFamily;

std::string metric_family(std::string_view text) {
  Family family;
  if (!pb::TextFormat::ParseFromString(std::string(text), &family)) {
    std::cerr << "no MetricFamily: " << text << "\n";
    std::abort();
  }
  return family.SerializeAsString();
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
  const int size = static_cast<int>(page.size());
  pb::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(page.data()), size);
  while (in.CurrentPosition() < size) {
    uint32_t length = 0;
    if (!in.ReadVarint32(&length)) return false;
    std::string bytes;
    if (length > page.size() || !in.ReadString(&bytes, static_cast<int>(length))) return false;
    if (!Family().ParseFromString(bytes)) return false;
  }
  return true;
}

}  // namespace silverback::testing
