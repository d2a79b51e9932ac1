#include "storage/remote/write_v2_codec.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "storage/remote/label_rules.h"
#include "tests/support/write_request_v2.h"

namespace silverback::storage::remote {
namespace {

using testing::packed;
using testing::ProtoWriter;
using testing::WriteRequestV2;

std::string labels_text(const std::vector<model::Label>& labels) {
  std::string out = "{";
  for (const model::Label& label : labels) {
    out += std::string(label.name) + "=" + std::string(label.value) + ",";
  }
  return out + "}";
}

// What a request holds, as text.
std::string read_all(std::string_view message, base::Status* status = nullptr) {
  WriteRequestV2Reader reader(message);
  WireSeries series;
  std::string out;
  while (reader.next(series)) {
    out += labels_text(series.labels);
    if (!series.labels_status.is_ok()) out += "(" + series.labels_status.message() + ")";
    for (const auto& s : series.samples) {
      out += " " + std::to_string(s.start) + "-" + std::to_string(s.t) + ":" +
             std::to_string(static_cast<int>(s.value));
    }
    for (const auto& e : series.exemplars) {
      const auto first = series.exemplar_labels.begin() + static_cast<ptrdiff_t>(e.first_label);
      out += " #" + std::to_string(e.t) + ":" + (e.usable ? "" : "unusable") +
             labels_text({first, first + static_cast<ptrdiff_t>(e.labels)});
    }
    if (!series.histograms.empty()) out += " h" + std::to_string(series.histograms.size());
    if (series.metadata.given()) {
      out += " m" + std::to_string(series.metadata.type) + ":" + std::string(series.metadata.help) +
             ":" + std::string(series.metadata.unit);
    }
    out += "; ";
  }
  if (status != nullptr) *status = reader.status();
  return out;
}

base::Status read_status(std::string_view message) {
  base::Status status;
  read_all(message, &status);
  return status;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("WriteRequestV2Reader reads what a sender writes", "[storage]") {
  WriteRequestV2 request;
  request.series({{"__name__", "up"}, {"job", "x"}}).sample(1000, 1, 7).sample(-5, 2);
  request.metadata(1, "Is it up.", "");
  request.series({{"__name__", "h"}}).exemplar({{"trace_id", "abc"}}, 7, 1).histogram(9, {});
  request.exemplar({}, 8, 1);
  request.series({});
  base::Status status;
  CHECK(read_all(request.protobuf(), &status) ==
        "{__name__=up,job=x,} 7-1000:1 0--5:2 m1:Is it up.:; "
        "{__name__=h,} #7:{trace_id=abc,} #8:{} h1; {}; ");
  CHECK(status.is_ok());
  CHECK(read_all("").empty());
}

TEST_CASE("The symbol table may stand anywhere and references need not be packed", "[storage]") {
  ProtoWriter series, message;
  series.varint(1, 1).bytes(1, packed({2})).bytes(2, ProtoWriter().varint(2, 5).out());
  series.bytes(4, ProtoWriter().varint(1, 3).varint(1, 1).out());
  message.bytes(4, "").bytes(5, series.out()).bytes(4, "a").bytes(4, "b").bytes(99, "unknown");
  message.bytes(4, "c");
  CHECK(read_all(message.out()) == "{a=b,} 0-5:0 #0:{c=a,}; ");
}

TEST_CASE("References that lead nowhere spoil their own series only", "[storage]") {
  struct Row {
    std::vector<uint32_t> refs;
    std::string says;
  };
  std::vector<uint32_t> many(2 * (kMaxLabels + 1), 1);
  for (const Row& row : std::vector<Row>{
           {{1}, "odd number of label references: 1"},
           {{1, 2, 1}, "odd number of label references: 3"},
           {{1, 3}, "label reference 3 is outside of the table of 3 symbols"},
           {{UINT32_MAX, 1}, "label reference 4294967295 is outside"},
           {many, "257 labels, the limit is 256"},
       }) {
    WriteRequestV2 request;
    request.series({{"a", "b"}}).sample(1, 1);
    request.series_of_refs(row.refs).sample(2, 2);
    request.series({{"a", "b"}}).sample(3, 3);
    const std::string text = read_all(request.protobuf());
    INFO(text);
    CHECK(contains(text, row.says));
    CHECK(contains(text, "{a=b,} 0-1:1; "));
    CHECK(contains(text, ") 0-2:2; {a=b,} 0-3:3; "));
  }
}

TEST_CASE("Exemplars and metadata with bad references keep the series", "[storage]") {
  ProtoWriter series;
  series.bytes(1, packed({1, 2}));
  series.bytes(4, ProtoWriter().bytes(1, packed({1})).varint(3, 4).out());
  series.bytes(4, ProtoWriter().bytes(1, packed({1, 9})).varint(3, 5).out());
  series.bytes(4, ProtoWriter().bytes(1, packed({1, 2})).varint(3, 6).out());
  series.bytes(5, ProtoWriter().varint(1, 2).varint(3, 77).varint(4, 1).out());
  ProtoWriter message;
  message.bytes(4, "").bytes(4, "a").bytes(4, "b").bytes(5, series.out());
  CHECK(read_all(message.out()) == "{a=b,} #4:unusable{} #5:unusable{} #6:{a=b,} m2::a; ");
}

TEST_CASE("Broken 2.0 messages are bad data", "[storage]") {
  const std::string good = WriteRequestV2().series({{"a", "b"}}).sample(1, 1).protobuf();
  CHECK(read_status(good).is_ok());
  for (const std::string& bad : std::vector<std::string>{
           good + "\x2a\x7f", std::string("\x22\xff\xff\xff\xff\x7f", 6),
           ProtoWriter().varint(4, 1).out(), ProtoWriter().varint(5, 1).out(),
           ProtoWriter().bytes(5, "\x0a\x05").out(), ProtoWriter().bytes(5, "\x12\x05").out(),
           ProtoWriter().bytes(5, "\x22\x05").out(), ProtoWriter().bytes(5, "\x2a\x05").out(),
           ProtoWriter().bytes(5, ProtoWriter().bytes(1, "\xff").out()).out(),
           ProtoWriter().bytes(5, ProtoWriter().bytes(4, "\x0a\x05").out()).out(), "\x07",
           "\x24"}) {
    CAPTURE(bad);
    const base::Status status = read_status(bad);
    CHECK(status.code() == base::Errc::kBadData);
    CHECK(contains(status.message(), "malformed protobuf"));
  }
  // Whatever is cut off, nothing worse happens.
  for (size_t i = 0; i < good.size(); ++i) read_all(good.substr(0, i));
}

TEST_CASE("A small request cannot ask for much memory", "[storage]") {
  std::string symbols;
  for (size_t i = 0; i <= kMaxSymbols; ++i) symbols.append("\x22\0", 2);
  CHECK(contains(read_status(symbols).message(), "more than 1048576 symbols"));

  std::string samples;
  for (size_t i = 0; i <= kMaxRequestSamples; ++i) samples.append("\x12\0", 2);
  const std::string series = ProtoWriter().bytes(5, samples).out();
  CHECK(contains(read_status(series).message(), "more than 1048576 samples"));

  // References to long strings, again and again.
  WriteRequestV2 request;
  const uint32_t name = request.symbol(std::string(2000, 'n'));
  const uint32_t value = request.symbol(std::string(60000, 'v'));
  std::vector<uint32_t> refs;
  for (int i = 0; i < 200; ++i) {
    refs.push_back(name);
    refs.push_back(value);
  }
  for (int i = 0; i < 12; ++i) request.series_of_refs(refs).sample(i, i);
  const std::string text = read_all(request.protobuf());
  CHECK(contains(text, "the labels of one request come to more than 134217728 bytes"));
}

}  // namespace silverback::storage::remote
