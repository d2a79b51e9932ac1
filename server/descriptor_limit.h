#pragma once

#include <cstddef>

namespace silverback::server {

/// Raises the soft limit of open files to the hard one, and tells what it is then.
size_t raise_descriptor_limit();

/// How many connections fit into `descriptors`, so that storage, scraping and notifications always
/// find theirs.
struct ConnectionLimits {
  size_t open = 0;        // that may ask
  size_t handshakes = 0;  // besides, that do not speak TLS yet
};
ConnectionLimits connection_limits(size_t descriptors, size_t wanted, bool tls);

}  // namespace silverback::server
