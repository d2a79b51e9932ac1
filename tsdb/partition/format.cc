#include "tsdb/partition/format.h"

namespace silverback::tsdb::partition {
namespace {

void put_u32_big_endian(std::string& out, uint32_t v) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(v >> shift));
}

std::string key_of(IndexKind kind) {
  return std::string(1, static_cast<char>(kind));
}

std::string numbered_key(IndexKind kind, uint32_t number) {
  std::string out = key_of(kind);
  put_u32_big_endian(out, number);
  return out;
}

}  // namespace

std::string chunk_key(uint32_t group, uint32_t slice) {
  std::string out;
  put_u32_big_endian(out, group);
  put_u32_big_endian(out, slice);
  return out;
}

std::string labels_key(uint32_t group) {
  return numbered_key(IndexKind::kLabels, group);
}
std::string hashes_key(uint32_t block) {
  return numbered_key(IndexKind::kHashes, block);
}
std::string header_key() {
  return key_of(IndexKind::kHeader);
}
std::string name_prefix() {
  return key_of(IndexKind::kNames);
}

std::string name_key(std::string_view name) {
  std::string out = name_prefix();
  out += name;
  return out;
}

std::string_view name_of(std::string_view name_key) {
  return name_key.substr(1);
}

std::string postings_prefix(std::string_view name) {
  // A name may hold a zero byte: it becomes 00 ff, so that 00 01 ends the name and nothing else.
  std::string out = key_of(IndexKind::kPostings);
  for (const char c : name) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xff');
  }
  out.push_back('\0');
  out.push_back('\1');
  return out;
}

std::string postings_key(std::string_view name, std::string_view value) {
  std::string out = postings_prefix(name);
  out += value;
  return out;
}

uint64_t time_unit_ms(int64_t window_start_ms, int64_t window_end_ms) {
  const uint64_t length =
      static_cast<uint64_t>(window_end_ms) - static_cast<uint64_t>(window_start_ms);
  return 1 + (length >> 32);
}

}  // namespace silverback::tsdb::partition
