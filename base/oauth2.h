#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/http_client_config.h"
#include "base/io_runtime.h"
#include "base/result.h"

namespace silverback::base {

/// Gets tokens by client credentials and keeps each until ten seconds before its end. The secret's
/// file is read anew each time; another secret asks for another token. Threads: any strand.
class OAuth2Tokens {
 public:
  OAuth2Tokens(IoRuntime& io, OAuth2Config config, WorkerPool* file_pool);
  ~OAuth2Tokens();
  OAuth2Tokens(const OAuth2Tokens&) = delete;
  OAuth2Tokens& operator=(const OAuth2Tokens&) = delete;

  /// The value of an Authorization header.
  boost::asio::awaitable<Result<std::string>> authorization(std::chrono::milliseconds timeout,
                                                            std::stop_token stop);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace silverback::base
