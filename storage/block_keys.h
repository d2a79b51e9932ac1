#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/block_store.h"

// Keys of the block database and the bytes of a PartitionMeta: docs/format/partition.md.
namespace silverback::storage {

inline constexpr std::string_view kNextIdKey = "n";
inline constexpr char kPartitionKey = 'p';  // then the id; value: PartitionMeta
inline constexpr char kDroppingKey = 'd';   // then the id; its files are to go

/// A copy of the meta under the last key of each partition's index: what is left of the database
/// can be put together again when RocksDB's own files are lost.
inline constexpr std::string_view kOwnMetaKey = "\xff\xffmeta";

/// A partition id as the four big-endian bytes that lead its keys.
std::string id_bytes(uint32_t id);
/// The partition that a key of chunks or index belongs to.
uint32_t id_of(std::string_view key);
std::string meta_key(char kind, uint32_t id);
/// The first key behind all that start with `prefix`; "" when there is none.
std::string end_of_prefix(std::string prefix);

std::string encode_meta(const PartitionMeta& meta);
base::Result<PartitionMeta> decode_meta(std::string_view bytes);

}  // namespace silverback::storage
