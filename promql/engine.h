#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "model/timestamp.h"
#include "promql/annotations.h"
#include "promql/parser.h"
#include "promql/query_record.h"
#include "promql/value.h"
#include "storage/querier.h"
#include "storage/query_budget.h"

namespace silverback::promql {

struct EngineOptions {
  int64_t lookback_ms = 5 * 60 * 1000;       // --query.lookback-delta
  int64_t timeout_ms = 2 * 60 * 1000;        // --query.timeout
  int64_t max_samples = 50'000'000;          // --query.max-samples
  size_t max_concurrency = 20;               // --query.max-concurrency
  int64_t query_bytes = int64_t{256} << 20;  // --query.max-memory
  int64_t total_bytes = int64_t{1} << 30;    // --query.max-total-memory: all queries together
  ParserOptions parser;                      // language features of --enable-feature
  bool delayed_name_removal = false;         // promql-delayed-name-removal
  bool use_start_timestamps = false;         // use-start-timestamps
  bool type_and_unit_labels = false;         // type-and-unit-labels
  base::Clock* clock = nullptr;              // borrowed, as below
  base::Logger* logger = nullptr;
  base::metrics::Registry* registry = nullptr;
  /// global.evaluation_interval: the step of `[1h:]`. Called per query.
  std::function<int64_t()> default_subquery_step_ms;
  /// Called once a query that parses, on its thread, when it has been answered or has failed.
  std::function<void(const QueryRecord&)> on_query;
};

struct QueryOptions {
  std::optional<int64_t> lookback_ms;
  std::optional<int64_t> timeout_ms;  // capped by the engine's
  std::stop_token stop;               // the client went away
  QueryOrigin origin;
  /// A short try beside the queue, within 8 MiB of its own: the caller bounds how many there are,
  /// so no slot is waited for. One that ends with kTimeout or kLimit is asked again without this,
  /// and is not reported to on_query.
  bool quick_try = false;
};

struct QueryResult {
  Value value;
  Annotations annotations;
  QueryStats stats;
  std::shared_ptr<void> memory;  // its part of total_bytes, as long as the value is held
};

/// Parses and answers PromQL over any Queryable. Every call runs on the caller's thread and blocks
/// for its turn when max_concurrency queries run.
/// Errors: kBadData = parse error ("1:5: parse error: ..."), kExecution, kTimeout, kCanceled,
/// kLimit, kUnsupported (named feature), and what storage gives.
/// Threads: any thread.
class Engine {
 public:
  explicit Engine(EngineOptions options);
  ~Engine();

  base::Result<QueryResult> instant(storage::Queryable& source, const std::string& query,
                                    model::TimestampMs t, const QueryOptions& options = {});
  /// Steps start, start+step, ... <= end; the value is always a Matrix.
  base::Result<QueryResult> range(storage::Queryable& source, const std::string& query,
                                  model::TimestampMs start, model::TimestampMs end, int64_t step_ms,
                                  const QueryOptions& options = {});

  const EngineOptions& options() const;
  /// What all queries hold together: the parent of every query's budget, and of those that read
  /// series and labels.
  storage::QueryBudget& total_budget();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace silverback::promql
