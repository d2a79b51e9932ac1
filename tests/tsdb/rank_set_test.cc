#include "tsdb/partition/rank_set.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace silverback::tsdb::partition {
namespace {

RankSet from(const std::set<uint32_t>& ranks) {
  RankSet out;
  for (const uint32_t rank : ranks) out.append(rank);
  return out;
}

}  // namespace

TEST_CASE("RankSet computes what std::set does", "[tsdb]") {
  std::mt19937 random(5);
  constexpr uint32_t series = 200;
  for (int round = 0; round < 2000; ++round) {
    std::set<uint32_t> a, b, both, either, less;
    for (std::set<uint32_t>* s : {&a, &b}) {
      for (uint32_t n = random() % 8; n > 0; --n) {
        const auto begin = static_cast<uint32_t>(random() % series);
        const auto length = static_cast<uint32_t>(random() % 30);
        for (uint32_t i = begin; i < std::min(series, begin + length); ++i) s->insert(i);
      }
    }
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(both, both.end()));
    std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::inserter(either, either.end()));
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::inserter(less, less.end()));
    const RankSet x = from(a), y = from(b);
    REQUIRE(x.size() == a.size());
    REQUIRE(x.intersect(y) == from(both));
    REQUIRE(x.unite(y) == from(either));
    REQUIRE(x.subtract(y) == from(less));
    REQUIRE(x.intersects(y) == !both.empty());
    RankSetEncoder encoder;
    for (const uint32_t rank : a) encoder.append(rank);
    const std::string bytes = encoder.finish();
    const auto back = decode_rank_set(bytes, series);
    REQUIRE(back.is_ok());
    REQUIRE(*back == x);
    for (size_t n = 0; n < bytes.size(); ++n) {
      REQUIRE_FALSE(decode_rank_set(bytes.substr(0, n), series).is_ok());
    }
    if (!a.empty()) REQUIRE_FALSE(decode_rank_set(bytes, *a.rbegin()).is_ok());
  }
}

TEST_CASE("RankSet::all has every rank", "[tsdb]") {
  CHECK(RankSet::all(0).empty());
  CHECK(RankSet::all(7).size() == 7);
  CHECK(RankSet::all(7).subtract(RankSet::all(7)).empty());
}

}  // namespace silverback::tsdb::partition
