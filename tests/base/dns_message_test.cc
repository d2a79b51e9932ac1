#include "base/dns_message.h"

#include <catch2/catch.hpp>

namespace silverback::base {

TEST_CASE("parse_resolv_conf reads servers, search list and ndots", "[base]") {
  const DnsConfig c = parse_resolv_conf(
      "# comment\nnameserver 10.0.0.1\nnameserver\t::1 \n; x\ndomain a.test\nsearch b.test c.test\n"
      "options timeout:1 ndots:99\nsortlist x\n");
  CHECK(c.servers == std::vector<std::string>{"10.0.0.1", "::1"});
  CHECK(c.search == std::vector<std::string>{"b.test", "c.test"});
  CHECK(c.ndots == 15);
  CHECK(parse_resolv_conf("").servers.empty());
}

TEST_CASE("dns_name_list orders the names by ndots", "[base]") {
  DnsConfig c;
  c.search = {"x", "y."};
  using Names = std::vector<std::string>;
  CHECK(dns_name_list(c, "a.") == Names{"a."});
  CHECK(dns_name_list(c, "a") == Names{"a.x.", "a.y.", "a."});
  CHECK(dns_name_list(c, "a.b") == Names{"a.b.", "a.b.x.", "a.b.y."});
  c.ndots = 2;
  CHECK(dns_name_list(c, "a.b") == Names{"a.b.x.", "a.b.y.", "a.b."});
}

TEST_CASE("encode_dns_query refuses names that DNS cannot hold", "[base]") {
  CHECK(encode_dns_query(1, "a.b", DnsType::kA, true).is_ok());
  CHECK(encode_dns_query(1, ".", DnsType::kNs, false).is_ok());
  CHECK_FALSE(encode_dns_query(1, "a..b", DnsType::kA, true).is_ok());
  CHECK_FALSE(encode_dns_query(1, std::string(64, 'a'), DnsType::kA, true).is_ok());
  std::string long_name;
  for (int i = 0; i < 30; ++i) long_name += "abcdefghij.";
  CHECK_FALSE(encode_dns_query(1, long_name, DnsType::kA, true).is_ok());
}

TEST_CASE("decode_dns_response refuses what is no answer to the question", "[base]") {
  const std::string query = *encode_dns_query(0x1234, "a.test", DnsType::kA, false);
  std::string good = query;
  good[2] = '\x81';
  good[7] = 1;  // one answer: the question's name, A, IN, 4 bytes
  good += std::string("\xc0\x0c\0\1\0\1\0\0\0\0\0\4\12\0\0\1", 16);
  const Result<DnsResponse> response = decode_dns_response(good, query);
  REQUIRE(response.is_ok());
  REQUIRE(response->answers.size() == 1);
  CHECK(response->answers[0].value == "10.0.0.1");

  for (size_t n = 0; n < good.size(); ++n) {  // torn anywhere
    CHECK_FALSE(decode_dns_response(good.substr(0, n), query).is_ok());
  }
  std::string other = good;
  other[0] = '\0';  // another id
  CHECK_FALSE(decode_dns_response(other, query).is_ok());
  other = good;
  other[2] = '\1';  // a query
  CHECK_FALSE(decode_dns_response(other, query).is_ok());
  other = good;
  other[13] = 'b';  // another name
  CHECK_FALSE(decode_dns_response(other, query).is_ok());
  other = good;
  other[query.size() + 1] = static_cast<char>(query.size());  // a name that leads to itself
  CHECK_FALSE(decode_dns_response(other, query).is_ok());
}

}  // namespace silverback::base
