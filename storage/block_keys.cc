#include "storage/block_keys.h"

#include "base/bytes.h"

namespace silverback::storage {
namespace {

constexpr uint8_t kMetaVersion = 1;

}  // namespace

std::string id_bytes(uint32_t id) {
  std::string out(4, '\0');
  for (size_t i = 0; i < 4; ++i) out[i] = static_cast<char>(id >> (24 - 8 * i));
  return out;
}

uint32_t id_of(std::string_view key) {
  uint32_t id = 0;
  for (size_t i = 0; i < 4; ++i) {
    id = (id << 8) | (i < key.size() ? static_cast<unsigned char>(key[i]) : 0U);
  }
  return id;
}

std::string meta_key(char kind, uint32_t id) {
  return std::string(1, kind) + id_bytes(id);
}

std::string end_of_prefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

std::string encode_meta(const PartitionMeta& meta) {
  std::string out;
  base::ByteWriter w(out);
  w.u8(kMetaVersion);
  w.uvarint(meta.id);
  w.svarint(meta.window_start_ms);
  w.svarint(meta.window_end_ms);
  w.uvarint(meta.wal_sequence);
  w.svarint(meta.min_time_ms);
  w.svarint(meta.max_time_ms);
  w.uvarint(meta.series);
  w.uvarint(meta.samples);
  w.uvarint(meta.bytes);
  return out;
}

base::Result<PartitionMeta> decode_meta(std::string_view bytes) {
  base::ByteReader in(bytes);
  PartitionMeta meta;
  if (const uint8_t version = in.u8(); in.ok() && version != kMetaVersion) {
    return base::Status(base::Errc::kCorruption,
                        "partition meta of version " + std::to_string(version));
  }
  meta.id = static_cast<uint32_t>(in.uvarint());
  meta.window_start_ms = in.svarint();
  meta.window_end_ms = in.svarint();
  meta.wal_sequence = in.uvarint();
  meta.min_time_ms = in.svarint();
  meta.max_time_ms = in.svarint();
  meta.series = in.uvarint();
  meta.samples = in.uvarint();
  meta.bytes = in.uvarint();
  RETURN_IF_ERROR(in.status());
  return meta;
}

}  // namespace silverback::storage
