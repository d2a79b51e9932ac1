#include "server/strand_event.h"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace silverback::server {

namespace asio = boost::asio;

struct StrandEvent::Impl {
  explicit Impl(asio::any_io_executor strand)
      : timer(std::move(strand), asio::steady_timer::time_point::max()) {}
  asio::steady_timer timer;  // never expires, it is only cancelled
};

StrandEvent::StrandEvent(asio::any_io_executor strand)
    : impl_(std::make_unique<Impl>(std::move(strand))) {}
StrandEvent::~StrandEvent() = default;

asio::awaitable<void> StrandEvent::wait() {
  const std::shared_ptr<StrandEvent> self = shared_from_this();
  boost::system::error_code ignored;
  co_await self->impl_->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void StrandEvent::notify() {
  impl_->timer.cancel();
}

}  // namespace silverback::server
