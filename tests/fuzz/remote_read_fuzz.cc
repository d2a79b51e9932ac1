#include <cstdint>
#include <string_view>

#include "storage/remote/read_codec.h"

/// No bytes crash the decoder of remote read requests, as they come or inside a snappy block.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace remote = silverback::storage::remote;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto external = silverback::model::Labels::from({{"replica", "r1"}});
  remote::decode_read_request(bytes, external).status().permit_unchecked("only must not crash");
  remote::decode_read_request(remote::snappy_block(bytes), external)
      .status()
      .permit_unchecked("only must not crash");
  return 0;
}
