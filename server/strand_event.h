#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace silverback::server {

/// What a coroutine waits on until something has happened on its strand: it looks at its
/// conditions, waits, and looks again.
class StrandEvent : public std::enable_shared_from_this<StrandEvent> {
 public:
  explicit StrandEvent(boost::asio::any_io_executor strand);
  ~StrandEvent();

  /// On the strand: until the next notify().
  boost::asio::awaitable<void> wait();
  /// On the strand.
  void notify();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::server
