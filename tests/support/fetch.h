#pragma once

#include <future>
#include <optional>
#include <utility>

#include "base/http_client.h"

namespace silverback::testing {

namespace detail {
inline boost::asio::awaitable<void> fetch_into(
    base::HttpClient* client, base::HttpClient::Request request, base::HttpClient::Limits limits,
    std::promise<base::Result<base::HttpClient::Response>>* out) {
  out->set_value(co_await client->fetch(std::move(request), std::move(limits)));
}
}  // namespace detail

/// Fetches on a strand of its own and waits for the answer.
inline base::Result<base::HttpClient::Response> fetch(base::IoRuntime& io, base::HttpClient& client,
                                                      base::HttpClient::Request request,
                                                      base::HttpClient::Limits limits = {}) {
  std::promise<base::Result<base::HttpClient::Response>> done;
  io.spawn(io.make_strand(),
           detail::fetch_into(&client, std::move(request), std::move(limits), &done));
  return done.get_future().get();
}

}  // namespace silverback::testing
