#include "storage/appender.h"

#include <memory>
#include <utility>

#include "base/mutex.h"

namespace silverback::storage {
namespace {

// Shared with the callback, which may still be leaving when the waiter is gone.
struct Outcome {
  base::Mutex mutex;
  base::CondVar changed;
  bool is_done GUARDED_BY(mutex) = false;
  base::Status status GUARDED_BY(mutex);
  CommitCounts counts GUARDED_BY(mutex);
};

}  // namespace

base::Result<CommitCounts> commit_and_wait(Appender& appender, Durability wanted) {
  auto outcome = std::make_shared<Outcome>();
  appender.commit(wanted, [outcome](const base::Status& status, const CommitCounts& counts) {
    {
      base::MutexLock lock(outcome->mutex);
      outcome->is_done = true;
      outcome->status = status;
      outcome->counts = counts;
    }
    outcome->changed.notify_all();
  });
  base::MutexLock lock(outcome->mutex);
  while (!outcome->is_done) outcome->changed.wait(outcome->mutex);
  if (!outcome->status.is_ok()) return outcome->status;
  return outcome->counts;
}

}  // namespace silverback::storage
