#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "server/http_message.h"

namespace silverback::server {

/// gzip or deflate, whichever Accept-Encoding names first; "" = as it is.
std::string_view pick_encoding(std::string_view accept_encoding);

/// Compresses what is worth it, and sets Content-Encoding; a source is compressed as it goes.
void compress_body(HttpResponse& response, std::string_view encoding);

/// Calls `done` once with the bytes of the body: now when it is whole, else when its source has
/// ended or its client has gone.
void when_sent(HttpResponse& response, std::function<void(size_t bytes)> done);

}  // namespace silverback::server
