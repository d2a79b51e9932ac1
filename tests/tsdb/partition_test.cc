#include "tsdb/partition/partition.h"

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "model/stale.h"
#include "tests/support/temp_dir.h"

namespace silverback::tsdb {
namespace {

using model::Labels;
using model::Matcher;
using model::Matchers;
using model::MatchType;
using model::TimeRange;
using model::TimestampMs;

constexpr int64_t kStart = 1'700'000'000'000;
constexpr int64_t kEnd = kStart + 7'200'000;

using SeriesMap = std::map<Labels, storage::ColumnBuffer>;

// The series of a map, which is in label order.
class MapSet final : public storage::SeriesSet {
 public:
  explicit MapSet(const SeriesMap& series) : series_(series), next_(series.begin()) {}
  bool next() override {
    if (next_ == series_.end() || !status_.is_ok()) return false;
    now_ = next_++;
    return true;
  }
  base::Status status() const override { return status_; }
  const Labels& labels() override { return now_->first; }
  base::Status read(TimeRange range, storage::ColumnBuffer& into) override {
    into = storage::ColumnBuffer();
    const storage::ColumnBuffer& from = now_->second;
    for (size_t i = 0; i < from.t.size(); ++i) {
      if (!range.contains(from.t[i])) continue;
      into.t.push_back(from.t[i]);
      into.v.push_back(from.v[i]);
      if (!from.start.empty()) into.start.push_back(from.start[i]);
    }
    for (size_t i = 0; i < from.histogram_t.size(); ++i) {
      if (!range.contains(from.histogram_t[i])) continue;
      into.histogram_t.push_back(from.histogram_t[i]);
      into.histograms.push_back(from.histograms[i]);
    }
    return base::Status::ok();
  }
  std::vector<std::unique_ptr<storage::SeriesSet>> split() override { return {}; }
  void fail_at_end(base::Status status) { status_ = std::move(status); }

 private:
  const SeriesMap& series_;
  SeriesMap::const_iterator next_, now_;
  base::Status status_;
};

struct Fixture {
  Fixture() {
    storage::BlockStore::Options options;
    options.db_path = dir.file("db");
    options.flush_path = dir.file("flush");
    auto opened = storage::BlockStore::open(options);
    REQUIRE(opened.is_ok());
    store = std::move(opened).value();
  }
  storage::PartitionMeta write(const SeriesMap& series, int64_t start = kStart,
                               int64_t end = kEnd) {
    storage::PartitionMeta meta;
    meta.window_start_ms = start;
    meta.window_end_ms = end;
    meta.wal_sequence = 9;
    MapSet set(series);
    const auto written = write_partition(*store, set, meta);
    INFO(written.status().to_string());
    REQUIRE(written.is_ok());
    return *written;
  }
  tests::TempDir dir;
  std::unique_ptr<storage::BlockStore> store;
};

storage::ColumnBuffer floats(size_t n, int64_t step_ms = 15'000, int64_t start = kStart) {
  storage::ColumnBuffer out;
  for (size_t i = 0; i < n; ++i) {
    out.t.push_back(start + static_cast<int64_t>(i) * step_ms);
    out.v.push_back(static_cast<double>(i));
  }
  return out;
}

Matcher matcher(MatchType type, const std::string& name, const std::string& value) {
  auto m = Matcher::make(type, name, value);
  REQUIRE(m.is_ok());
  return *m;
}

// A few hundred label sets with missing labels, a zero byte in a name and odd values.
SeriesMap mixed_series() {
  SeriesMap out;
  for (int i = 0; i < 150; ++i) {
    const std::string n = std::to_string(i);
    out[Labels::from({{"__name__", "up"}, {"job", i % 3 == 0 ? "api" : "node"}, {"instance", n}})] =
        floats(3);
    out[Labels::from({{"__name__", "http_requests_total"},
                      {"code", i % 2 == 0 ? "200" : "500"},
                      {"instance", n},
                      {"UPPER", "x"}})] = floats(3);
  }
  out[Labels::from({{"only", "one"}})] = floats(1);
  out[Labels::from({{std::string("z\0ero", 5), std::string("\0v", 2)}, {"job", ""}})] = floats(1);
  out[Labels::from({{"z", "\xc3\xa4\n\"x"}, {"job", "a|b"}})] = floats(1);
  return out;
}

std::vector<Labels> expected(const SeriesMap& series, const Matchers& matchers) {
  std::vector<Labels> out;
  for (const auto& [labels, samples] : series) {
    if (model::matches_all(matchers, labels)) out.push_back(labels);
  }
  return out;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](double x, double y) {
           return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y);
         });
}

}  // namespace

TEST_CASE("A partition selects as the matchers say", "[tsdb]") {
  Fixture f;
  const SeriesMap series = mixed_series();
  const Partition partition(*f.store, f.write(series));
  CHECK(partition.meta().series == series.size());
  using T = MatchType;
  const std::vector<Matchers> cases = {
      {},
      {matcher(T::kEqual, "__name__", "up")},
      {matcher(T::kEqual, "__name__", "down")},
      {matcher(T::kEqual, "absent", "")},
      {matcher(T::kEqual, "job", "")},
      {matcher(T::kNotEqual, "job", "")},
      {matcher(T::kNotEqual, "job", "api")},
      {matcher(T::kNotEqual, "absent", "x")},
      {matcher(T::kEqual, "absent", "x")},
      {matcher(T::kRegex, "job", "api|node")},
      {matcher(T::kRegex, "job", "api|")},
      {matcher(T::kRegex, "job", "a.*")},
      {matcher(T::kRegex, "job", ".*")},
      {matcher(T::kRegex, "job", ".+")},
      {matcher(T::kRegex, "job", "")},
      {matcher(T::kRegex, "instance", "1.")},
      {matcher(T::kRegex, "instance", "(1|2)[0-4]?")},
      {matcher(T::kRegex, "absent", "x?")},
      {matcher(T::kRegex, "absent", "x")},
      {matcher(T::kNotRegex, "job", "api|node")},
      {matcher(T::kNotRegex, "job", "api|")},
      {matcher(T::kNotRegex, "job", "a.*")},
      {matcher(T::kNotRegex, "job", ".*")},
      {matcher(T::kNotRegex, "job", ".+")},
      {matcher(T::kNotRegex, "absent", "x?")},
      {matcher(T::kNotRegex, "instance", "[0-9]+")},
      {matcher(T::kEqual, "__name__", "up"), matcher(T::kNotEqual, "job", "api"),
       matcher(T::kRegex, "instance", ".*7")},
      {matcher(T::kEqual, "z", "\xc3\xa4\n\"x")},
      {matcher(T::kEqual, std::string("z\0ero", 5), std::string("\0v", 2))},
      {matcher(T::kRegex, "z", "(?s).*x")},
  };
  for (const Matchers& matchers : cases) {
    std::string text;
    for (const Matcher& m : matchers) text += m.to_string() + " ";
    INFO(text);
    const auto got = partition.select(matchers);
    REQUIRE(got.is_ok());
    std::vector<Labels> labels;
    for (size_t i = 0; i < got->size(); ++i) {
      const auto one = partition.labels((*got)[i].rank);
      REQUIRE(one.is_ok());
      CHECK(one->hash() == (*got)[i].hash);
      if (i > 0) CHECK((*got)[i - 1].hash < (*got)[i].hash);
      labels.push_back(*one);
    }
    std::sort(labels.begin(), labels.end());
    CHECK(labels == expected(series, matchers));

    std::map<std::string, std::map<std::string, bool>> names;
    for (const Labels& l : labels) {
      for (const model::Label& label : l) {
        names[std::string(label.name)][std::string(label.value)] = true;
      }
    }
    std::vector<std::string> wanted_names;
    for (const auto& [name, values] : names) {
      wanted_names.push_back(name);
      std::vector<std::string> wanted_values;
      for (const auto& [value, unused] : values) wanted_values.push_back(value);
      CHECK(partition.label_values(name, matchers).value() == wanted_values);
    }
    CHECK(partition.label_names(matchers).value() == wanted_names);
    CHECK(partition.label_values("absent", matchers).value().empty());
  }
}

TEST_CASE("A partition gives back every sample of its window", "[tsdb]") {
  Fixture f;
  SeriesMap series;
  std::mt19937_64 random(1);
  for (int i = 0; i < 100; ++i) {
    storage::ColumnBuffer samples = floats(random() % 900 + 1, 5'000);
    for (double& v : samples.v) v = std::bit_cast<double>(random());  // many slices
    if (i % 7 == 0) samples.start.assign(samples.t.size(), kStart - 1);
    if (i % 5 == 0) {
      for (int k = 0; k < 130; ++k) {
        model::Histogram h;
        h.count = k;
        h.positive_spans = {{k, 1}};
        h.positive_buckets = {1.0 * k};
        samples.histogram_t.push_back(kStart + 2500 + k * 5000);
        samples.histograms.push_back(h);
      }
    }
    // Outside the window, which is half-open.
    samples.t.insert(samples.t.begin(), kStart - 1);
    samples.v.insert(samples.v.begin(), 1);
    samples.t.push_back(kEnd);
    samples.v.push_back(2);
    if (!samples.start.empty()) samples.start.resize(samples.t.size(), 5);
    series[Labels::from({{"i", std::to_string(i)}})] = samples;
  }
  series[Labels::from({{"never", "there"}})] = floats(3, 1, kEnd);
  const Partition partition(*f.store, f.write(series));
  CHECK(partition.meta().series == 100);
  CHECK(partition.meta().min_time_ms == kStart);
  CHECK(partition.meta().bytes > 100'000);

  const auto all = partition.select({});
  REQUIRE(all.is_ok());
  REQUIRE(all->size() == 100);
  uint64_t samples = 0;
  for (const PartitionSeries& s : *all) {
    const Labels labels = partition.labels(s.rank).value();
    INFO(labels.to_string());
    MapSet source(series);
    while (source.next() && source.labels() != labels) {
    }
    const TimeRange window{kStart - 1, kEnd - 1};
    for (const TimeRange range :
         {TimeRange::all(), TimeRange{kStart + 600'000, kStart + 1'200'000},
          TimeRange{kStart + 4'000'000, kEnd}, TimeRange{kStart - 5, kStart},
          TimeRange{kStart, kStart}, TimeRange{kEnd, kEnd + 5}}) {
      storage::ColumnBuffer want, got;
      REQUIRE(source
                  .read({std::max(range.after, window.after), std::min(range.until, window.until)},
                        want)
                  .is_ok());
      REQUIRE(partition.read(s.rank, range, got).is_ok());
      CHECK(got.t == want.t);
      CHECK(same_bits(got.v, want.v));
      CHECK(got.start == want.start);
      CHECK(got.histogram_t == want.histogram_t);
      REQUIRE(got.histograms.size() == want.histograms.size());
      bool equal = true;
      for (size_t i = 0; i < got.histograms.size(); ++i) {
        equal &= got.histograms[i].count == want.histograms[i].count &&
                 got.histograms[i].positive_spans == want.histograms[i].positive_spans;
      }
      CHECK(equal);
      if (range == TimeRange::all()) {
        samples += got.t.size() + got.histogram_t.size();
        CHECK(s.min_time_ms ==
              std::min(got.t.front(),
                       got.histogram_t.empty() ? got.t.front() : got.histogram_t.front()));
        CHECK(s.max_time_ms ==
              std::max(got.t.back(),
                       got.histogram_t.empty() ? got.t.back() : got.histogram_t.back()));
      }
    }
  }
  CHECK(samples == partition.meta().samples);
}

TEST_CASE("A set without samples commits the window alone", "[tsdb]") {
  Fixture f;
  const storage::PartitionMeta meta = f.write({{Labels::from({{"a", "b"}}), floats(3, 1, kEnd)}});
  CHECK(meta.series == 0);
  REQUIRE(f.store->partitions().value().size() == 1);
  CHECK(f.store->partitions().value()[0].id == meta.id);
  CHECK(f.store->partitions().value()[0].wal_sequence == 9);
  const Partition partition(*f.store, meta);
  CHECK(partition.select({}).value().empty());
  CHECK(partition.label_names({}).value().empty());
  CHECK(partition.label_values("a", {}).value().empty());
  CHECK(partition.labels(0).status().code() == base::Errc::kNotFound);
}

TEST_CASE("A set that fails or is out of order leaves no partition", "[tsdb]") {
  Fixture f;
  SeriesMap series = mixed_series();
  storage::PartitionMeta meta;
  meta.window_start_ms = kStart;
  meta.window_end_ms = kEnd;
  MapSet set(series);
  set.fail_at_end(base::Status(base::Errc::kIo, "disk"));
  CHECK(write_partition(*f.store, set, meta).status().code() == base::Errc::kIo);

  // Twice the same labels.
  class Twice final : public storage::SeriesSet {
   public:
    bool next() override { return ++n_ <= 2; }
    base::Status status() const override { return base::Status::ok(); }
    const Labels& labels() override { return labels_; }
    base::Status read(TimeRange, storage::ColumnBuffer& into) override {
      into = floats(1);
      return base::Status::ok();
    }
    std::vector<std::unique_ptr<storage::SeriesSet>> split() override { return {}; }

   private:
    int n_ = 0;
    Labels labels_ = Labels::from({{"a", "b"}});
  } twice;
  CHECK(write_partition(*f.store, twice, meta).status().code() == base::Errc::kInternal);
  CHECK(f.store->partitions().value().empty());
}

TEST_CASE("Windows beyond 49 days keep their bounds, rounded outwards", "[tsdb]") {
  Fixture f;
  constexpr int64_t year = 365LL * 86'400'000;
  storage::ColumnBuffer samples;
  samples.t = {-year + 1, year - 1};
  samples.v = {1, 2};
  const Partition partition(*f.store,
                            f.write({{Labels::from({{"a", "b"}}), samples}}, -year, year));
  const auto got = partition.select({});
  REQUIRE(got.is_ok());
  REQUIRE(got->size() == 1);
  CHECK((*got)[0].min_time_ms <= -year + 1);
  CHECK((*got)[0].min_time_ms > -year - 100);
  CHECK((*got)[0].max_time_ms >= year - 1);
  CHECK((*got)[0].max_time_ms < year + 100);
  storage::ColumnBuffer back;
  REQUIRE(partition.read(0, TimeRange::all(), back).is_ok());
  CHECK(back.t == samples.t);
}

TEST_CASE("A partition of many groups is read by rank", "[tsdb]") {
  Fixture f;
  SeriesMap series;
  for (int i = 0; i < 3000; ++i) {
    series[Labels::from(
        {{"__name__", "m" + std::to_string(i % 7)}, {"pod", "pod-" + std::to_string(i * 7919)}})] =
        floats(static_cast<size_t>(i % 5 + 1));
  }
  const Partition partition(*f.store, f.write(series));
  uint32_t rank = 0;
  for (const auto& [labels, samples] : series) {
    if (rank % 37 == 0) {
      CHECK(partition.labels(rank).value() == labels);
      storage::ColumnBuffer got;
      REQUIRE(partition.read(rank, TimeRange::all(), got).is_ok());
      CHECK(got.t == samples.t);
    }
    ++rank;
  }
  CHECK(partition.select({matcher(MatchType::kEqual, "__name__", "m3")}).value().size() == 429);
  CHECK(partition.label_values("pod", {}).value().size() == 3000);
  CHECK(partition.label_values("pod", {matcher(MatchType::kRegex, "__name__", "m[0-5]")})
            .value()
            .size() == 2572);
}

}  // namespace silverback::tsdb
