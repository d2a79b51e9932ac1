#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/unique_function.h"
#include "storage/appender.h"

namespace silverback::storage::remote {

/// The messages of remote write, in the order of their versions.
enum class WriteMessage : uint8_t { kV1, kV2 };
inline constexpr WriteMessage kWriteMessages[] = {WriteMessage::kV1, WriteMessage::kV2};
/// The protobuf message's full name, as Content-Type and flags give it.
std::string_view write_message_name(WriteMessage message);

/// Answer to one remote-write request.
struct WriteReply {
  int http_status = 204;
  std::string error;                                    // body text when not 2xx
  uint64_t samples = 0, histograms = 0, exemplars = 0;  // written
};

/// Takes remote write bodies (spec 3.4): snappy block, then protobuf by our own wire decoders.
/// Decoded size <= 32 MiB, checked before allocation. A request with a bad sample: the good ones
/// are committed, 400 names the first offender and the counts; never 5xx for bad input. A 2.0
/// sender is also told of exemplars and of series that bring nothing; to a 1.0 sender, exemplars
/// that cannot be kept are no error.
/// Threads: any thread; the work is done on the caller's, the reply may come on the WAL's thread.
class WriteReceiver {
 public:
  using Reply = base::UniqueFunction<void(WriteReply)>;
  WriteReceiver(Appendable& storage, base::Clock& clock, base::metrics::Registry& registry);

  /// `reply` is called exactly once, when the batch is durable or refused.
  void write(WriteMessage message, std::string_view snappy_body, Reply reply);

 private:
  Appendable& storage_;
  base::Clock& clock_;
  base::metrics::Counter& invalid_labels_;
  base::metrics::Counter& without_metadata_;
};

}  // namespace silverback::storage::remote
