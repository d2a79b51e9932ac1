#pragma once

#include <chrono>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/dns_message.h"
#include "base/log.h"
#include "base/result.h"

namespace silverback::base {

/// Asks the configured servers for one name, by UDP and, where the answer was cut, by TCP. Each
/// name of the search list goes to each server until one knows it; a name that every server denies
/// is an empty answer. kIo: some server failed and none knew. Each exchange takes at most
/// `timeout`. Runs on the awaiting coroutine's strand; `logger` (may be null) hears of servers that
/// fail.
boost::asio::awaitable<Result<DnsResponse>> dns_lookup(
    DnsConfig config, std::string name, DnsType type, Logger* logger,
    std::chrono::milliseconds timeout = std::chrono::seconds(2));

}  // namespace silverback::base
