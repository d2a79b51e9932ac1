#include "server/event_queue.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>
#include <utility>

#include <sys/eventfd.h>
#include <sys/signalfd.h>

namespace silverback::server {

namespace {

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

int open_signals() {
  const sigset_t set = our_signals();
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

}  // namespace

void EventQueue::block_signals() {
  const sigset_t set = our_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

EventQueue::EventQueue()
    : wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), signal_fd_(open_signals()) {}

EventQueue::~EventQueue() {
  close(wake_fd_);
  close(signal_fd_);
}

void EventQueue::push(Event event) {
  {
    const base::MutexLock lock(mutex_);
    events_.push_back(std::move(event));
  }
  eventfd_write(wake_fd_, 1);
}

std::optional<Event> EventQueue::pop() {
  const base::MutexLock lock(mutex_);
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void EventQueue::take_signals() {
  signalfd_siginfo info{};
  while (read(signal_fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    Event event;
    event.kind = info.ssi_signo == SIGHUP ? Event::Kind::kReload : Event::Kind::kQuit;
    event.cause = info.ssi_signo == SIGHUP   ? "hangup"
                  : info.ssi_signo == SIGINT ? "interrupt"
                                             : "terminated";
    const base::MutexLock lock(mutex_);
    events_.push_back(std::move(event));
  }
}

std::optional<Event> EventQueue::wait(std::chrono::milliseconds timeout) {
  take_signals();
  if (std::optional<Event> event = pop()) return event;
  std::array<pollfd, 2> fds{pollfd{wake_fd_, POLLIN, 0}, pollfd{signal_fd_, POLLIN, 0}};
  const auto ms = std::clamp<int64_t>(timeout.count(), 0, INT_MAX);
  poll(fds.data(), fds.size(), static_cast<int>(ms));
  eventfd_t ignored = 0;
  eventfd_read(wake_fd_, &ignored);
  take_signals();
  return pop();
}

}  // namespace silverback::server
