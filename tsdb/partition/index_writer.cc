#include "tsdb/partition/index_writer.h"

#include <algorithm>
#include <map>
#include <utility>

#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>

#include "base/bytes.h"
#include "tsdb/partition/format.h"
#include "tsdb/partition/rank_set.h"

namespace silverback::tsdb::partition {
namespace {

using base::Errc;
using base::Status;

size_t shared_prefix(std::string_view a, std::string_view b) {
  const size_t n = std::min(a.size(), b.size());
  return static_cast<size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<ptrdiff_t>(n), b.begin()).first - a.begin());
}

}  // namespace

struct IndexWriter::Postings {
  using Values = absl::flat_hash_map<std::string, uint32_t>;  // value -> index of lists
  struct Name {
    Values values;
    RankSetEncoder series;
  };
  // A label of the series before: most of the next one's are the same, without a look-up.
  struct Recent {
    std::string name, value;
    Name* entry = nullptr;
    uint32_t list = 0;
  };

  std::map<std::string, Name, std::less<>> names;
  std::vector<RankSetEncoder> lists;
  std::vector<Recent> recent;

  void add(const model::Labels& labels, uint32_t rank) {
    size_t i = 0;
    for (const model::Label& label : labels) {
      if (i == recent.size()) recent.emplace_back();
      Recent& r = recent[i++];
      if (r.entry == nullptr || r.name != label.name) {
        auto at = names.find(label.name);
        if (at == names.end()) at = names.try_emplace(std::string(label.name)).first;
        r.name = label.name;
        r.entry = &at->second;
        r.list = list_of(*r.entry, label.value);
        r.value = label.value;
      } else if (r.value != label.value) {
        r.list = list_of(*r.entry, label.value);
        r.value = label.value;
      }
      r.entry->series.append(rank);
      lists[r.list].append(rank);
    }
  }

  uint32_t list_of(Name& name, std::string_view value) {
    const auto known = name.values.find(absl::string_view(value.data(), value.size()));
    if (known != name.values.end()) return known->second;
    name.values.emplace(std::string(value), static_cast<uint32_t>(lists.size()));
    lists.emplace_back();
    return static_cast<uint32_t>(lists.size() - 1);
  }
};

IndexWriter::IndexWriter(storage::BlockStore::Writer& writer, int64_t window_start_ms,
                         int64_t window_end_ms)
    : writer_(writer),
      window_start_ms_(window_start_ms),
      time_unit_ms_(time_unit_ms(window_start_ms, window_end_ms)),
      postings_(std::make_unique<Postings>()) {}

IndexWriter::~IndexWriter() = default;

Status IndexWriter::add(const model::Labels& labels, model::TimestampMs min_t,
                        model::TimestampMs max_t) {
  if (series_ > 0 && model::Labels::compare(previous_, labels) >= 0) {
    return {Errc::kInternal,
            "series out of order: " + previous_.to_string() + " before " + labels.to_string()};
  }
  const bool new_group = series_ % kSeriesPerGroup == 0;
  if (new_group && series_ > 0) RETURN_IF_ERROR(flush_group());
  const size_t shared = new_group ? 0 : shared_prefix(previous_.bytes(), labels.bytes());
  base::ByteWriter w(group_);
  w.uvarint(shared);
  w.string(std::string_view(labels.bytes()).substr(shared));
  add_hash(labels, min_t, max_t);
  postings_->add(labels, series_);
  previous_ = labels;
  ++series_;
  return Status::ok();
}

void IndexWriter::add_hash(const model::Labels& labels, model::TimestampMs min_t,
                           model::TimestampMs max_t) {
  if (series_ % kSeriesPerHashBlock == 0) {
    hash_blocks_.emplace_back();
    hash_blocks_.back().reserve(kSeriesPerHashBlock * kHashRecordBytes);
  }
  const model::LabelHash hash = labels.hash();
  const auto steps = [this](model::TimestampMs t) {
    return (static_cast<uint64_t>(t) - static_cast<uint64_t>(window_start_ms_)) / time_unit_ms_;
  };
  base::ByteWriter w(hash_blocks_.back());
  w.u64(hash.hi);
  w.u64(hash.lo);
  w.u32(static_cast<uint32_t>(steps(min_t)));
  w.u32(static_cast<uint32_t>(steps(max_t)));
}

Status IndexWriter::flush_group() {
  RETURN_IF_ERROR(writer_.put_index(labels_key((series_ - 1) / kSeriesPerGroup), group_));
  group_.clear();
  return Status::ok();
}

Status IndexWriter::finish() {
  if (!group_.empty()) RETURN_IF_ERROR(flush_group());
  for (size_t i = 0; i < hash_blocks_.size(); ++i) {
    RETURN_IF_ERROR(writer_.put_index(hashes_key(static_cast<uint32_t>(i)), hash_blocks_[i]));
  }
  for (auto& [name, entry] : postings_->names) {
    std::string value;
    base::ByteWriter w(value);
    w.uvarint(entry.values.size());
    w.bytes(entry.series.finish());
    RETURN_IF_ERROR(writer_.put_index(name_key(name), value));
  }
  // Keys hold the name with escapes: another order than that of names only if one holds a zero
  // byte.
  std::map<std::string, const Postings::Name*> by_prefix;
  for (const auto& [name, entry] : postings_->names) by_prefix[postings_prefix(name)] = &entry;
  for (const auto& [prefix, entry] : by_prefix) {
    std::vector<std::pair<std::string_view, uint32_t>> values(entry->values.begin(),
                                                              entry->values.end());
    std::sort(values.begin(), values.end());
    for (const auto& [value, list] : values) {
      RETURN_IF_ERROR(
          writer_.put_index(prefix + std::string(value), postings_->lists[list].finish()));
    }
  }
  std::string header;
  base::ByteWriter w(header);
  w.u8(kFormatVersion);
  w.uvarint(series_);
  return writer_.put_index(header_key(), header);
}

}  // namespace silverback::tsdb::partition
