#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Keys of one partition, without the partition id that BlockStore puts in front. Drawn in
// docs/format/partition.md; numbers are stored and never reused.
namespace silverback::tsdb::partition {

inline constexpr uint8_t kFormatVersion = 1;
inline constexpr uint32_t kSeriesPerGroup = 32;
inline constexpr uint32_t kSeriesPerHashBlock = 512;
/// Bytes of one series in a hash block: hash, first and last time.
inline constexpr size_t kHashRecordBytes = 24;

/// First byte of an index key; index entries are written in this order.
enum class IndexKind : uint8_t {
  kLabels = 1,    // label sets of a group
  kHashes = 2,    // hashes and times of a block of series
  kNames = 3,     // a label name: the series that have it
  kPostings = 4,  // a label name and value: the series that have them
  kHeader = 5,    // version and counts
};

std::string chunk_key(uint32_t group, uint32_t slice);
std::string labels_key(uint32_t group);
std::string hashes_key(uint32_t block);
std::string header_key();
std::string name_key(std::string_view name);
/// What the keys of all values of `name` start with.
std::string postings_prefix(std::string_view name);
std::string postings_key(std::string_view name, std::string_view value);

/// Of a key of kNames. Every key of the kind starts with name_prefix().
std::string name_prefix();
std::string_view name_of(std::string_view name_key);

/// One step of the times in hash blocks: 1 ms unless the window is longer than 49 days.
uint64_t time_unit_ms(int64_t window_start_ms, int64_t window_end_ms);

}  // namespace silverback::tsdb::partition
