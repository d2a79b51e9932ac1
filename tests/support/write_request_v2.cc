#include "tests/support/write_request_v2.h"

#include <algorithm>

namespace silverback::testing {

std::string packed(const std::vector<uint32_t>& numbers) {
  std::string out;
  for (uint32_t v : numbers) {
    for (; v >= 0x80; v >>= 7) out.push_back(static_cast<char>(v | 0x80));
    out.push_back(static_cast<char>(v));
  }
  return out;
}

uint32_t WriteRequestV2::symbol(std::string_view text) {
  auto at = std::find(symbols_.begin(), symbols_.end(), text);
  if (at == symbols_.end()) at = symbols_.insert(at, std::string(text));
  return static_cast<uint32_t>(at - symbols_.begin());
}

std::vector<uint32_t> WriteRequestV2::refs(const Pairs& labels) {
  std::vector<uint32_t> out;
  for (const auto& label : labels) {
    out.push_back(symbol(label.first));
    out.push_back(symbol(label.second));
  }
  return out;
}

WriteRequestV2& WriteRequestV2::series(const Pairs& labels) {
  return series_of_refs(refs(labels));
}

WriteRequestV2& WriteRequestV2::series_of_refs(const std::vector<uint32_t>& refs) {
  series_.emplace_back();
  series_.back().bytes(1, packed(refs));
  return *this;
}

WriteRequestV2& WriteRequestV2::sample(int64_t t, double value, int64_t start) {
  ProtoWriter w;
  w.number(1, value).varint(2, static_cast<uint64_t>(t));
  if (start != 0) w.varint(3, static_cast<uint64_t>(start));
  series_.back().bytes(2, w.out());
  return *this;
}

WriteRequestV2& WriteRequestV2::histogram(int64_t t, const model::Histogram& h, int64_t start) {
  std::string message = histogram_message(t, h);
  if (start != 0) message += ProtoWriter().varint(17, static_cast<uint64_t>(start)).out();
  series_.back().bytes(3, message);
  return *this;
}

WriteRequestV2& WriteRequestV2::exemplar(const Pairs& labels, int64_t t, double value) {
  ProtoWriter w;
  w.bytes(1, packed(refs(labels))).number(2, value).varint(3, static_cast<uint64_t>(t));
  series_.back().bytes(4, w.out());
  return *this;
}

WriteRequestV2& WriteRequestV2::metadata(uint32_t type, std::string_view help,
                                         std::string_view unit) {
  ProtoWriter w;
  w.varint(1, type).varint(3, symbol(help)).varint(4, symbol(unit));
  series_.back().bytes(5, w.out());
  return *this;
}

std::string WriteRequestV2::protobuf() const {
  ProtoWriter w;
  for (const std::string& text : symbols_) w.bytes(4, text);
  for (const ProtoWriter& series : series_) w.bytes(5, series.out());
  return w.out();
}

}  // namespace silverback::testing
