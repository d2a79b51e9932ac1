#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/clock.h"
#include "server/http_message.h"
#include "server/http_stream.h"
#include "server/strand_event.h"

namespace silverback::server {

/// How one answer is to be sent.
struct WriteTerms {
  bool keep_alive = false;
  bool head_only = false;                     // HEAD: everything but the body
  bool http10 = false;                        // no chunks: the end of the connection ends the body
  std::chrono::milliseconds timeout{60'000};  // without progress
  std::stop_token gone;                       // the client has left
  base::Clock* clock = nullptr;               // borrowed, as below
  std::atomic<int64_t>* progress_ns = nullptr;  // when the last step began; -1 between steps
};

/// Sends an answer whole, or its source's pieces as the client takes them; at most two pieces are
/// in memory. False when the connection is of no more use. On the strand of `stream`; `event` is
/// notified when `gone` fires.
boost::asio::awaitable<bool> write_response(HttpStream& stream, std::shared_ptr<StrandEvent> event,
                                            HttpResponse response, WriteTerms terms);

}  // namespace silverback::server
