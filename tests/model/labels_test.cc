#include "model/labels.h"

#include <catch2/catch.hpp>

namespace silverback::model {

TEST_CASE("Labels sort by name and leave empty values out", "[model]") {
  const Labels labels = Labels::from(
      {{"job", "api"}, {"__name__", "up"}, {"empty", ""}, {"a", std::string(300, 'x')}});
  std::vector<std::string> names;
  for (const Label& label : labels) names.emplace_back(label.name);
  CHECK(names == std::vector<std::string>{"__name__", "a", "job"});
  CHECK(labels.size() == 3);
  CHECK(labels.get("a").size() == 300);
  CHECK(labels.get("job") == "api");
  CHECK(labels.get("nope").empty());
  CHECK_FALSE(labels.has("empty"));
  CHECK(labels.metric_name() == "up");
  CHECK(Labels().empty());
  CHECK(Labels().begin() == Labels().end());
}

TEST_CASE("Labels go through their bytes", "[model]") {
  const Labels labels = Labels::from({{"a", "1"}, {"b", std::string(200, 'y')}});
  CHECK(Labels::valid_bytes(labels.bytes()));
  CHECK(Labels::from_bytes(labels.bytes()) == labels);
  CHECK(labels.hash() == Labels::from({{"b", std::string(200, 'y')}, {"a", "1"}}).hash());
  CHECK((labels.hash() != Labels::from({{"a", "1"}}).hash()));
  const std::vector<std::string> bad = {std::string("\x01", 1),
                                        std::string("\x01"
                                                    "a",
                                                    2),
                                        std::string("\x01"
                                                    "a\x00",
                                                    3),
                                        std::string("\x00\x01x", 3),
                                        std::string("\x01"
                                                    "b\x01"
                                                    "1\x01"
                                                    "a\x01"
                                                    "1",
                                                    8),
                                        std::string("\x01"
                                                    "a\x01"
                                                    "1\x01"
                                                    "a\x01"
                                                    "2",
                                                    8),
                                        std::string("\xff\xff\xff\xff\xff\xff\x01", 7)};
  for (const std::string& bytes : bad) CHECK_FALSE(Labels::valid_bytes(bytes));
}

TEST_CASE("Labels print as Prometheus prints them", "[model]") {
  CHECK(Labels::from({{"__name__", "up"}, {"job", "a\"b"}}).to_string() == "up{job=\"a\\\"b\"}");
  CHECK(Labels::from({{"__name__", "up"}}).to_string() == "up");
  CHECK(Labels::from({{"job", "x"}, {"a", "y"}}).to_string() == "{a=\"y\", job=\"x\"}");
  CHECK(Labels().to_string() == "{}");
  CHECK(Labels::from({{"__name__", "my.metric"}, {"a.b", "x"}}).to_string() ==
        "{\"my.metric\", \"a.b\"=\"x\"}");
}

TEST_CASE("Labels compare pair by pair, a prefix first", "[model]") {
  const Labels a = Labels::from({{"a", "1"}});
  const Labels ab = Labels::from({{"a", "1"}, {"b", "1"}});
  const Labels a2 = Labels::from({{"a", "2"}});
  const Labels b = Labels::from({{"b", "0"}});
  CHECK(Labels::compare(a, a) == 0);
  CHECK(a < ab);
  CHECK(ab < a2);
  CHECK(a2 < b);
  CHECK(Labels() < a);
  CHECK_FALSE(b < a);
}

TEST_CASE("Labels without a name are a copy", "[model]") {
  const Labels labels = Labels::from({{"__name__", "up"}, {"a", "1"}});
  CHECK(labels.without_metric_name() == Labels::from({{"a", "1"}}));
  CHECK(labels.without("nope") == labels);
}

TEST_CASE("LabelsBuilder sets, replaces and deletes", "[model]") {
  LabelsBuilder b(Labels::from({{"b", "1"}, {"d", "2"}}));
  b.set("c", "3").set("a", "4").set("b", "5").set("d", "");
  CHECK(b.get("b") == "5");
  CHECK(b.get("d").empty());
  CHECK(b.build() == Labels::from({{"a", "4"}, {"b", "5"}, {"c", "3"}}));
  b.del("a").del("nope");
  CHECK(b.build() == Labels::from({{"b", "5"}, {"c", "3"}}));
  b.clear();
  CHECK(b.build().empty());
}

TEST_CASE("Names follow the legacy and the UTF-8 rules", "[model]") {
  CHECK(is_legacy_label_name("_a1"));
  CHECK_FALSE(is_legacy_label_name("1a"));
  CHECK_FALSE(is_legacy_label_name("a:b"));
  CHECK_FALSE(is_legacy_label_name(""));
  CHECK(is_legacy_metric_name("a:b"));
  CHECK(is_valid_name("my.name"));
  CHECK_FALSE(is_valid_name(""));
  CHECK_FALSE(is_valid_name("\xff"));
}

}  // namespace silverback::model
