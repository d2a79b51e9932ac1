#include "tsdb/partition/index_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "tsdb/partition/format.h"

namespace silverback::tsdb::partition {
namespace {

using base::Errc;
using base::Status;
using model::Matcher;
using model::MatchType;

// Below this, names and values are read off the series' labels, not off the postings.
constexpr uint64_t kFewSeries = 4096;

bool is_negative(const Matcher& m) {
  return m.type() == MatchType::kNotEqual || m.type() == MatchType::kNotRegex;
}

// What the matcher says of a value before a negation.
bool positive_match(const Matcher& m, std::string_view value) {
  return m.regex() ? m.regex()->matches(value) : m.value() == value;
}

// Most selective first, so that an empty result ends the work early.
int cost(const Matcher& m) {
  if (m.type() == MatchType::kEqual && !m.value().empty()) return 0;
  if (!m.regex()) return 1;
  return m.regex()->literals() ? 2 : 3;
}

}  // namespace

Status IndexReader::corrupt(std::string_view what) const {
  return {Errc::kCorruption, "partition " + std::to_string(meta_.id) + ": " + std::string(what)};
}

base::Result<std::string> IndexReader::must_have(const std::string& key) const {
  base::Result<std::string> value = store_.get_index(meta_.id, key);
  if (value.status().code() == Errc::kNotFound) return corrupt("an index entry is missing");
  return value;
}

Status IndexReader::check_version() const {
  ASSIGN_OR_RETURN(const std::string header, must_have(header_key()));
  base::ByteReader in(header);
  const uint8_t version = in.u8();
  const uint64_t count = in.uvarint();
  if (!in.ok()) return corrupt("header");
  if (version != kFormatVersion) return corrupt("format version " + std::to_string(version));
  if (count != meta_.series) return corrupt("number of series");
  return Status::ok();
}

base::Result<IndexReader::NameEntry> IndexReader::decode_name(std::string_view value) const {
  base::ByteReader in(value);
  NameEntry out;
  out.values = in.uvarint();
  ASSIGN_OR_RETURN(out.series, decode_rank_set(in.bytes(in.remaining()), series()));
  return out;
}

base::Result<IndexReader::NameEntry> IndexReader::name_entry(const std::string& name) const {
  const base::Result<std::string> value = store_.get_index(meta_.id, name_key(name));
  if (value.is_ok()) return decode_name(*value);
  if (value.status().code() == Errc::kNotFound) return NameEntry();
  return value.status();
}

base::Result<RankSet> IndexReader::postings(const std::string& name, std::string_view value) const {
  const base::Result<std::string> list = store_.get_index(meta_.id, postings_key(name, value));
  if (list.is_ok()) return decode_rank_set(*list, series());
  if (list.status().code() == Errc::kNotFound) return RankSet();
  return list.status();
}

// The values of a label are tried one by one, from the regex's literal prefix on.
base::Result<RankSet> IndexReader::scan_values(const Matcher& matcher) const {
  const std::string prefix = postings_prefix(matcher.name());
  std::vector<RankSet::Run> runs;
  Status status;
  const Status scanned =
      store_.scan_index(meta_.id, prefix + std::string(matcher.regex()->prefix()),
                        [&](std::string_view key, std::string_view list) {
                          if (!matcher.regex()->matches(key.substr(prefix.size()))) return true;
                          status = decode_runs(list, series(), runs);
                          return status.is_ok();
                        });
  RETURN_IF_ERROR(scanned);
  RETURN_IF_ERROR(status);
  return RankSet::merge(std::move(runs));
}

// Series that have the label with a value for which positive_match() holds.
base::Result<RankSet> IndexReader::with_value(const Matcher& m, const NameEntry& entry) const {
  if (entry.series.empty()) return RankSet();
  if (!m.regex()) return m.value().empty() ? RankSet() : postings(m.name(), m.value());
  if (m.regex()->matches_everything() || m.value() == ".+") return entry.series;
  if (!m.regex()->literals()) return scan_values(m);
  RankSet out;
  for (const std::string& literal : *m.regex()->literals()) {
    if (literal.empty()) continue;
    ASSIGN_OR_RETURN(const RankSet one, postings(m.name(), literal));
    out = out.unite(one);
  }
  return out;
}

// An absent label has the value "": a matcher that takes "" takes the series without the label.
base::Result<RankSet> IndexReader::matching(const Matcher& m) const {
  const bool empty_matches = positive_match(m, "");
  if (!is_negative(m) && !empty_matches && !m.regex()) return postings(m.name(), m.value());
  ASSIGN_OR_RETURN(const NameEntry entry, name_entry(m.name()));
  ASSIGN_OR_RETURN(RankSet found, with_value(m, entry));
  const RankSet everything = RankSet::all(series());
  if (!is_negative(m)) {
    return empty_matches ? found.unite(everything.subtract(entry.series)) : found;
  }
  return (empty_matches ? entry.series : everything).subtract(found);
}

base::Result<RankSet> IndexReader::select(const model::Matchers& matchers) const {
  if (meta_.series == 0) return RankSet();
  RETURN_IF_ERROR(check_version());
  std::vector<const Matcher*> ordered;
  for (const Matcher& m : matchers) ordered.push_back(&m);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Matcher* a, const Matcher* b) { return cost(*a) < cost(*b); });
  RankSet out = RankSet::all(series());
  for (const Matcher* m : ordered) {
    ASSIGN_OR_RETURN(const RankSet one, matching(*m));
    out = out.intersect(one);
    if (out.empty()) break;
  }
  return out;
}

base::Result<std::vector<PartitionSeries>> IndexReader::hashes(const RankSet& ranks) const {
  std::vector<PartitionSeries> out;
  out.reserve(ranks.size());
  const uint64_t unit = time_unit_ms(meta_.window_start_ms, meta_.window_end_ms);
  std::string block;
  uint32_t loaded = UINT32_MAX;
  for (const RankSet::Run& run : ranks.runs()) {
    for (uint32_t rank = run.begin; rank < run.end; ++rank) {
      if (rank / kSeriesPerHashBlock != loaded) {
        loaded = rank / kSeriesPerHashBlock;
        ASSIGN_OR_RETURN(block, must_have(hashes_key(loaded)));
      }
      const size_t offset = size_t{rank % kSeriesPerHashBlock} * kHashRecordBytes;
      if (offset + kHashRecordBytes > block.size()) return corrupt("hash block");
      base::ByteReader in(std::string_view(block).substr(offset, kHashRecordBytes));
      PartitionSeries series;
      series.rank = rank;
      series.hash.hi = in.u64();
      series.hash.lo = in.u64();
      const auto time = [&](uint64_t steps) {
        return static_cast<int64_t>(static_cast<uint64_t>(meta_.window_start_ms) + steps * unit);
      };
      series.min_time_ms = time(in.u32());
      series.max_time_ms = time(in.u32()) + static_cast<int64_t>(unit - 1);
      out.push_back(series);
    }
  }
  return out;
}

Status IndexReader::labels(const RankSet& ranks,
                           const std::function<bool(const model::Labels&)>& fn) const {
  std::string group, bytes;
  base::ByteReader in("");
  uint32_t loaded = UINT32_MAX, next = 0;  // `in` stands before rank `next`
  for (const RankSet::Run& run : ranks.runs()) {
    for (uint32_t rank = run.begin; rank < run.end; ++rank) {
      if (rank / kSeriesPerGroup != loaded) {
        loaded = rank / kSeriesPerGroup;
        next = loaded * kSeriesPerGroup;
        ASSIGN_OR_RETURN(group, must_have(labels_key(loaded)));
        in = base::ByteReader(group);
        bytes.clear();
      }
      for (; next <= rank; ++next) {
        const uint64_t shared = in.uvarint();
        const std::string_view rest = in.string();
        if (!in.ok() || shared > bytes.size()) return corrupt("labels");
        bytes.resize(shared);
        bytes += rest;
      }
      if (!model::Labels::valid_bytes(bytes)) return corrupt("label set");
      if (!fn(model::Labels::from_bytes(bytes))) return Status::ok();
    }
  }
  return Status::ok();
}

base::Result<std::vector<std::string>> IndexReader::names(const RankSet& ranks) const {
  std::vector<std::string> out;
  Status status;
  const Status scanned =
      store_.scan_index(meta_.id, name_prefix(), [&](std::string_view key, std::string_view value) {
        const base::Result<NameEntry> entry = decode_name(value);
        status = entry.status();
        if (!status.is_ok()) return false;
        if (entry->series.intersects(ranks)) out.emplace_back(name_of(key));
        return true;
      });
  RETURN_IF_ERROR(scanned);
  RETURN_IF_ERROR(status);
  return out;
}

base::Result<std::vector<std::string>> IndexReader::values(const std::string& name,
                                                           const RankSet& ranks) const {
  ASSIGN_OR_RETURN(const NameEntry entry, name_entry(name));
  const RankSet wanted = ranks.intersect(entry.series);
  if (wanted.empty()) return std::vector<std::string>();
  if (const uint64_t n = wanted.size(); n < kFewSeries && n < entry.values) {
    std::set<std::string, std::less<>> found;
    RETURN_IF_ERROR(labels(wanted, [&](const model::Labels& l) {
      found.emplace(l.get(name));
      return true;
    }));
    return std::vector<std::string>(found.begin(), found.end());
  }
  const bool all = wanted == entry.series;
  const std::string prefix = postings_prefix(name);
  std::vector<std::string> out;
  Status status;
  const Status scanned =
      store_.scan_index(meta_.id, prefix, [&](std::string_view key, std::string_view list) {
        if (!all) {
          const base::Result<RankSet> of_value = decode_rank_set(list, series());
          status = of_value.status();
          if (!status.is_ok()) return false;
          if (!of_value->intersects(wanted)) return true;
        }
        out.emplace_back(key.substr(prefix.size()));
        return true;
      });
  RETURN_IF_ERROR(scanned);
  RETURN_IF_ERROR(status);
  return out;
}

}  // namespace silverback::tsdb::partition
