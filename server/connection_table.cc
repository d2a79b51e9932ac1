#include "server/connection_table.h"

#include <algorithm>
#include <utility>

namespace silverback::server {

namespace {

constexpr size_t kEvictAtOnce = 8;  // a flood arrives faster than closing is done

}  // namespace

ConnectionTable::ConnectionTable(Options options) : options_(options) {
  if (options_.registry == nullptr) return;
  base::metrics::Registry& r = *options_.registry;
  const base::metrics::LabelPairs name = {{"listener_name", "http"}};
  accepted_ =
      &r.counter("net_conntrack_listener_conn_accepted_total",
                 "Total number of connections opened to the listener of a given name.", name);
  closed_ = &r.counter("net_conntrack_listener_conn_closed_total",
                       "Total number of connections closed that were made to the listener of a "
                       "given name.",
                       name);
  evicted_ = &r.counter("silverback_http_connections_evicted_total",
                        "Waiting connections closed to make room for new ones.");
  const char* const help = "Open connections.";
  open_gauge_ = &r.gauge("silverback_http_connections", help, {{"state", "open"}});
  handshake_gauge_ = &r.gauge("silverback_http_connections", help, {{"state", "handshake"}});
}

bool ConnectionTable::make_room(Stage stage) {
  const size_t most = stage == Stage::kOpen ? options_.max_open : options_.max_handshakes;
  std::vector<std::pair<int64_t, std::shared_ptr<TableEntry>>> waiting;
  bool room = true;
  {
    const base::MutexLock lock(mutex_);
    const size_t used = count(stage);
    if ((used + 1) * 5 <= most * 4) return true;
    room = used < most;
    for (const auto& slot : slots_) {
      if (slot.second.stage != stage) continue;
      std::shared_ptr<TableEntry> entry = slot.second.entry.lock();
      const int64_t since = entry ? entry->waiting_since_ns() : -1;
      if (since >= 0) waiting.emplace_back(since, std::move(entry));
    }
  }
  const size_t n = std::min(kEvictAtOnce, waiting.size());
  std::partial_sort(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(n),
                    waiting.end());
  for (size_t i = 0; i < n; ++i) waiting[i].second->evict();
  if (evicted_ != nullptr) evicted_->inc(static_cast<double>(n));
  return room;
}

bool ConnectionTable::add(const std::shared_ptr<TableEntry>& entry, Stage stage) {
  const base::MutexLock lock(mutex_);
  if (shut_) return false;
  slots_.emplace(entry.get(), Slot{entry, stage});
  ++count(stage);
  if (accepted_ != nullptr) accepted_->inc();
  show();
  return true;
}

void ConnectionTable::advance(TableEntry* entry) {
  const base::MutexLock lock(mutex_);
  const auto at = slots_.find(entry);
  if (at == slots_.end() || at->second.stage == Stage::kOpen) return;
  at->second.stage = Stage::kOpen;
  --handshakes_;
  ++open_;
  show();
}

void ConnectionTable::remove(TableEntry* entry) {
  const base::MutexLock lock(mutex_);
  const auto at = slots_.find(entry);
  if (at == slots_.end()) return;
  --count(at->second.stage);
  slots_.erase(at);
  if (closed_ != nullptr) closed_->inc();
  show();
  ended_.notify_all();
}

void ConnectionTable::show() {
  if (open_gauge_ == nullptr) return;
  open_gauge_->set(static_cast<double>(open_));
  handshake_gauge_->set(static_cast<double>(handshakes_));
}

void ConnectionTable::close() {
  const base::MutexLock lock(mutex_);
  shut_ = true;
}

std::vector<std::shared_ptr<TableEntry>> ConnectionTable::all() const {
  std::vector<std::shared_ptr<TableEntry>> entries;
  const base::MutexLock lock(mutex_);
  for (const auto& slot : slots_) {
    if (auto entry = slot.second.entry.lock()) entries.push_back(std::move(entry));
  }
  return entries;
}

bool ConnectionTable::wait_empty(std::chrono::milliseconds longest) const {
  const auto until = std::chrono::steady_clock::now() + longest;
  const base::MutexLock lock(mutex_);
  while (!slots_.empty() && std::chrono::steady_clock::now() < until) {
    ended_.wait_for(mutex_, std::chrono::milliseconds(20));
  }
  return slots_.empty();
}

size_t ConnectionTable::size() const {
  const base::MutexLock lock(mutex_);
  return slots_.size();
}

}  // namespace silverback::server
