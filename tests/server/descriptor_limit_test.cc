#include "server/descriptor_limit.h"

#include <catch2/catch.hpp>

namespace server = silverback::server;

TEST_CASE("Connections leave descriptors for the rest of the server", "[server]") {
  struct Row {
    size_t descriptors, wanted;
    bool tls;
    size_t open, handshakes;
  };
  for (const Row& row : {Row{1 << 20, 512, false, 512, 0}, Row{1 << 20, 512, true, 512, 512},
                         Row{1024, 512, false, 512, 0}, Row{1024, 5000, false, 512, 0},
                         Row{1024, 512, true, 341, 170}, Row{256, 512, false, 128, 0},
                         Row{10'000, 100'000, false, 5904, 0}, Row{8, 512, false, 8, 0}}) {
    INFO(row.descriptors << " " << row.wanted);
    const server::ConnectionLimits limits =
        server::connection_limits(row.descriptors, row.wanted, row.tls);
    CHECK(limits.open == row.open);
    CHECK(limits.handshakes == row.handshakes);
  }
}
