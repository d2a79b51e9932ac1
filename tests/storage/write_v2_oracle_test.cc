// Our decoder of remote write 2.0 against libprotobuf's, on messages made at random and on the same
// with bytes changed.
#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "storage/remote/label_rules.h"
#include "storage/remote/write_v2_codec.h"
#include "tests/support/oracle/write_oracle.h"

namespace silverback::storage::remote {
namespace {

using Random = std::mt19937_64;
namespace v2 = ::io::prometheus::write::v2;

uint32_t below(Random& random, uint32_t n) {
  return static_cast<uint32_t>(random() % n);
}

double any_double(Random& random) {
  switch (below(random, 4)) {
    case 0: return std::bit_cast<double>(random());
    case 1: return 0;
    default: return static_cast<double>(below(random, 1000)) / 8;
  }
}

int64_t any_time(Random& random) {
  return below(random, 4) == 0 ? static_cast<int64_t>(random())
                               : 1'700'000'000'000 + below(random, 1'000'000);
}

void fill_histogram(Random& random, v2::Histogram& h) {
  const bool integer = below(random, 2) == 0;
  if (integer) {
    h.set_count_int(random() % 1000);
    h.set_zero_count_int(random() % 10);
  } else {
    h.set_count_float(any_double(random));
    h.set_zero_count_float(any_double(random));
  }
  h.set_sum(any_double(random));
  h.set_schema(static_cast<int32_t>(below(random, 16)) - 5);
  h.set_timestamp(any_time(random));
  if (below(random, 2) == 0) h.set_start_timestamp(any_time(random));
  h.set_reset_hint(static_cast<v2::Histogram::ResetHint>(below(random, 4)));
  for (uint32_t i = below(random, 4); i > 0; --i) {
    v2::BucketSpan& span = *h.add_positive_spans();
    span.set_offset(static_cast<int32_t>(below(random, 9)) - 3);
    span.set_length(below(random, 3));
    for (uint32_t k = span.length(); k > 0; --k) {
      if (integer) {
        h.add_positive_deltas(static_cast<int64_t>(below(random, 9)) - 2);
      } else {
        h.add_positive_counts(any_double(random));
      }
    }
  }
  for (uint32_t i = below(random, 3); i > 0; --i) h.add_custom_values(any_double(random));
}

void fill_series(Random& random, uint32_t symbols, v2::TimeSeries& series) {
  const auto ref = [&] { return below(random, symbols + (below(random, 20) == 0 ? 3 : 0)); };
  for (uint32_t i = 2 * below(random, 6); i > 0; --i) series.add_labels_refs(ref());
  if (below(random, 10) == 0) series.add_labels_refs(ref());
  for (uint32_t i = below(random, 4); i > 0; --i) {
    v2::Sample& sample = *series.add_samples();
    sample.set_value(any_double(random));
    sample.set_timestamp(any_time(random));
    if (below(random, 2) == 0) sample.set_start_timestamp(any_time(random));
  }
  for (uint32_t i = below(random, 3); i > 0; --i) fill_histogram(random, *series.add_histograms());
  for (uint32_t i = below(random, 3); i > 0; --i) {
    v2::Exemplar& exemplar = *series.add_exemplars();
    for (uint32_t k = below(random, 5); k > 0; --k) exemplar.add_labels_refs(ref());
    exemplar.set_value(any_double(random));
    exemplar.set_timestamp(any_time(random));
  }
  if (below(random, 2) == 0) {
    series.mutable_metadata()->set_type(static_cast<v2::Metadata::MetricType>(below(random, 8)));
    series.mutable_metadata()->set_help_ref(ref());
    series.mutable_metadata()->set_unit_ref(ref());
  }
}

v2::Request any_request(Random& random) {
  v2::Request request;
  request.add_symbols("");
  for (uint32_t i = below(random, 12); i > 0; --i) {
    std::string text(below(random, 5), 'a');
    for (char& c : text) c = static_cast<char>(random());
    request.add_symbols(text);
  }
  const auto symbols = static_cast<uint32_t>(request.symbols_size());
  for (uint32_t i = below(random, 6); i > 0; --i) {
    fill_series(random, symbols, *request.add_timeseries());
  }
  return request;
}

}  // namespace

TEST_CASE("WriteRequestV2Reader reads what libprotobuf reads", "[storage]") {
  Random random(20261121);
  int series = 0;
  for (int i = 0; i < 3000; ++i) {
    const v2::Request request = any_request(random);
    const std::string message = request.SerializeAsString();
    REQUIRE(testing::v2_as_we_read(message) == testing::v2_as_protobuf_reads(message));
    series += request.timeseries_size();
  }
  CHECK(series > 3000);
}

TEST_CASE("Of a damaged 2.0 message we read what libprotobuf reads, or refuse it", "[storage]") {
  Random random(7);
  int both = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string message = any_request(random).SerializeAsString();
    if (message.empty()) continue;
    for (uint32_t k = 1 + below(random, 3); k > 0; --k) {
      message[random() % message.size()] = static_cast<char>(random());
    }
    const auto ours = testing::v2_as_we_read(message);
    const auto theirs = testing::v2_as_protobuf_reads(message);
    if (!ours || !theirs) continue;
    REQUIRE(*ours == *theirs);
    ++both;
  }
  CHECK(both > 2000);  // many damages still make a message
}

}  // namespace silverback::storage::remote
