#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"

namespace silverback::server {

/// A connection as the table sees it. Threads: any.
class TableEntry {
 public:
  virtual ~TableEntry() = default;
  /// Since when it waits for its client (monotonic ns); -1 while a request is answered.
  virtual int64_t waiting_since_ns() const = 0;
  /// Closes the connection if it is (still) waiting.
  virtual void evict() = 0;
  /// Ends a waiting connection, and asks a running request to end.
  virtual void begin_stop() = 0;
  virtual void force_close() = 0;
};

/// All open connections, in two budgets: those that still shake hands, and those that may ask. When
/// a budget gets tight (80%), its longest waiting connections are closed for new ones, so nobody
/// is shut out by connections that only wait. Threads: any.
class ConnectionTable {
 public:
  enum class Stage : uint8_t { kHandshake, kOpen };
  struct Options {
    size_t max_open = 512;
    size_t max_handshakes = 512;
    base::metrics::Registry* registry = nullptr;  // borrowed; none: nothing is counted
  };
  explicit ConnectionTable(Options options);

  /// Whether one more fits; asks waiting ones to leave when it gets tight.
  bool make_room(Stage stage);
  /// False when the table is closed.
  bool add(const std::shared_ptr<TableEntry>& entry, Stage stage);
  void advance(TableEntry* entry);  // from kHandshake to kOpen
  void remove(TableEntry* entry);

  /// Takes nothing more.
  void close();
  std::vector<std::shared_ptr<TableEntry>> all() const;
  /// True when the last one had gone before `longest` was over. Blocking.
  bool wait_empty(std::chrono::milliseconds longest) const;
  size_t size() const;

 private:
  struct Slot {
    std::weak_ptr<TableEntry> entry;
    Stage stage = Stage::kOpen;
  };
  size_t& count(Stage stage) REQUIRES(mutex_) {
    return stage == Stage::kOpen ? open_ : handshakes_;
  }
  void show() REQUIRES(mutex_);

  const Options options_;
  base::metrics::Counter* accepted_ = nullptr;
  base::metrics::Counter* closed_ = nullptr;
  base::metrics::Counter* evicted_ = nullptr;
  base::metrics::Gauge* open_gauge_ = nullptr;
  base::metrics::Gauge* handshake_gauge_ = nullptr;

  mutable base::Mutex mutex_;
  mutable base::CondVar ended_;
  std::unordered_map<TableEntry*, Slot> slots_ GUARDED_BY(mutex_);
  size_t open_ GUARDED_BY(mutex_) = 0;
  size_t handshakes_ GUARDED_BY(mutex_) = 0;
  bool shut_ GUARDED_BY(mutex_) = false;
};

}  // namespace silverback::server
