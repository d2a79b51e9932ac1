#include "tsdb/partition/rank_set.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace silverback::tsdb::partition {

using base::Errc;
using base::Status;

RankSet RankSet::all(uint32_t series) {
  RankSet out;
  if (series > 0) out.runs_.push_back({0, series});
  return out;
}

RankSet RankSet::merge(std::vector<Run> runs) {
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) { return a.begin < b.begin; });
  RankSet out;
  for (const Run& run : runs) {
    if (run.begin == run.end) continue;
    if (!out.runs_.empty() && run.begin <= out.runs_.back().end) {
      out.runs_.back().end = std::max(out.runs_.back().end, run.end);
    } else {
      out.runs_.push_back(run);
    }
  }
  return out;
}

void RankSet::append(uint32_t rank) {
  if (!runs_.empty() && runs_.back().end == rank) {
    ++runs_.back().end;
  } else {
    runs_.push_back({rank, rank + 1});
  }
}

uint64_t RankSet::size() const {
  uint64_t n = 0;
  for (const Run& run : runs_) n += run.end - run.begin;
  return n;
}

RankSet RankSet::intersect(const RankSet& o) const {
  RankSet out;
  for (size_t i = 0, j = 0; i < runs_.size() && j < o.runs_.size();) {
    const Run both{std::max(runs_[i].begin, o.runs_[j].begin),
                   std::min(runs_[i].end, o.runs_[j].end)};
    if (both.begin < both.end) out.runs_.push_back(both);
    if (runs_[i].end < o.runs_[j].end) {
      ++i;
    } else {
      ++j;
    }
  }
  return out;
}

bool RankSet::intersects(const RankSet& o) const {
  for (size_t i = 0, j = 0; i < runs_.size() && j < o.runs_.size();) {
    if (std::max(runs_[i].begin, o.runs_[j].begin) < std::min(runs_[i].end, o.runs_[j].end)) {
      return true;
    }
    if (runs_[i].end < o.runs_[j].end) {
      ++i;
    } else {
      ++j;
    }
  }
  return false;
}

RankSet RankSet::unite(const RankSet& o) const {
  std::vector<Run> runs = runs_;
  runs.insert(runs.end(), o.runs_.begin(), o.runs_.end());
  return merge(std::move(runs));
}

RankSet RankSet::subtract(const RankSet& o) const {
  RankSet out;
  size_t j = 0;
  for (Run run : runs_) {
    while (j < o.runs_.size() && o.runs_[j].end <= run.begin) ++j;
    for (size_t k = j; k < o.runs_.size() && o.runs_[k].begin < run.end; ++k) {
      if (run.begin < o.runs_[k].begin) out.runs_.push_back({run.begin, o.runs_[k].begin});
      run.begin = std::min(run.end, std::max(run.begin, o.runs_[k].end));
    }
    if (run.begin < run.end) out.runs_.push_back(run);
  }
  return out;
}

void RankSetEncoder::append(uint32_t rank) {
  if (begin_ == end_) {
    begin_ = rank;
  } else if (rank != end_) {
    close_run();
    begin_ = rank;
  }
  end_ = rank + 1;
}

void RankSetEncoder::close_run() {
  base::ByteWriter w(bytes_);
  w.uvarint(begin_ - previous_end_);
  w.uvarint(end_ - begin_ - 1);
  previous_end_ = end_;
  ++runs_;
}

std::string RankSetEncoder::finish() {
  if (begin_ != end_) close_run();
  begin_ = end_;
  std::string out;
  base::ByteWriter w(out);
  w.uvarint(runs_);
  w.bytes(bytes_);
  return out;
}

Status decode_runs(std::string_view bytes, uint32_t series, std::vector<RankSet::Run>& into) {
  base::ByteReader in(bytes);
  const uint64_t runs = in.uvarint();
  uint64_t end = 0;
  for (uint64_t i = 0; i < runs; ++i) {
    const uint64_t gap = in.uvarint(), length = in.uvarint();
    if (!in.ok() || gap > series || length >= series || end + gap + length >= series) {
      return {Errc::kCorruption, "postings, run " + std::to_string(i)};
    }
    into.push_back(
        {static_cast<uint32_t>(end + gap), static_cast<uint32_t>(end + gap + length + 1)});
    end += gap + length + 1;
  }
  return in.status();
}

base::Result<RankSet> decode_rank_set(std::string_view bytes, uint32_t series) {
  std::vector<RankSet::Run> runs;
  RETURN_IF_ERROR(decode_runs(bytes, series, runs));
  return RankSet::merge(std::move(runs));
}

}  // namespace silverback::tsdb::partition
