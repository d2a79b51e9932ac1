#include "promql/engine.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "base/mutex.h"
#include "promql/ast.h"
#include "promql/evaluator.h"
#include "promql/plan.h"
#include "promql/selector_reader.h"

namespace silverback::promql {

namespace {

using std::chrono::nanoseconds;

/// At most so many queries at a time. Threads: any thread.
class QueryGate {
 public:
  explicit QueryGate(size_t slots) : slots_(std::max<size_t>(slots, 1)) {}

  /// Waits for a slot until the deadline on `clock`, or until the client goes away.
  base::Status enter(base::Clock& clock, nanoseconds deadline, const std::stop_token& stop) {
    // A stop request wakes the waiters; the clock is looked at again and again, as it may be
    // another one than the system's.
    constexpr std::chrono::milliseconds kPatience{50};
    const std::stop_callback wake(stop, [this] { freed_.notify_all(); });
    base::MutexLock lock(mutex_);
    while (running_ >= slots_) {
      if (stop.stop_requested()) {
        return base::Status(base::Errc::kCanceled, "query was canceled in query queue");
      }
      if (clock.monotonic() > deadline) {
        return base::Status(base::Errc::kTimeout, "query timed out in query queue");
      }
      freed_.wait_for(mutex_, kPatience);
    }
    ++running_;
    return {};
  }

  void leave() {
    {
      base::MutexLock lock(mutex_);
      --running_;
    }
    freed_.notify_one();
  }

 private:
  const size_t slots_;
  base::Mutex mutex_;
  base::CondVar freed_;
  size_t running_ GUARDED_BY(mutex_) = 0;
};

struct EngineMetrics {
  /// Timings of one part of every query.
  struct Slice {
    Slice(base::metrics::Registry& r, const char* name)
        : summary(r.summary("prometheus_engine_query_duration_seconds", "Query timings",
                            {0.5, 0.9, 0.99}, {{"slice", name}})),
          histogram(r.histogram("prometheus_engine_query_duration_histogram_seconds",
                                "The duration of various parts of PromQL query execution.",
                                {0.01, 0.1, 1, 10}, {{"slice", name}})) {}
    void observe(double seconds) {
      summary.observe(seconds);
      histogram.observe(seconds);
    }
    base::metrics::Summary& summary;
    base::metrics::Histogram& histogram;
  };

  explicit EngineMetrics(base::metrics::Registry& r, size_t max_concurrency)
      : running(r.gauge("prometheus_engine_queries",
                        "The current number of queries being executed or waiting.")),
        samples(r.counter("prometheus_engine_query_samples_total",
                          "The total number of samples loaded by all queries.")),
        samples_read(r.counter("prometheus_engine_query_samples_read_total",
                               "The total number of samples that all queries read from storage.")),
        queue(r, "queue_time"),
        prepare(r, "prepare_time"),
        eval(r, "inner_eval"),
        sort(r, "result_sort") {
    r.gauge("prometheus_engine_queries_concurrent_max", "The max number of concurrent queries.")
        .set(static_cast<double>(max_concurrency));
  }

  base::metrics::Gauge& running;
  base::metrics::Counter& samples;
  base::metrics::Counter& samples_read;
  Slice queue, prepare, eval, sort;
};

/// Adds the time since its making to `seconds`.
class Stopwatch {
 public:
  explicit Stopwatch(base::Clock& clock) : clock_(clock), start_(clock.monotonic()) {}
  double seconds() const {
    return std::chrono::duration<double>(clock_.monotonic() - start_).count();
  }

 private:
  base::Clock& clock_;
  const nanoseconds start_;
};

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
constexpr int64_t kQuickTryBytes = 8 << 20;

/// What all queries hold, and the half of it that answers may hold while they are sent: slow
/// readers do not stop others, nor the rules.
struct TotalMemory {
  explicit TotalMemory(int64_t limit)
      : bytes(limit), all({limit, kNoLimit}), answers({limit / 2, kNoLimit}, &all) {}
  const int64_t bytes;
  storage::QueryBudget all;
  storage::QueryBudget answers;
};

int64_t bytes_of(const Value& value) {
  size_t bytes = 0;
  if (const auto* vector = std::get_if<Vector>(&value)) {
    for (const Sample& sample : *vector) bytes += sizeof(Sample) + sample.labels.bytes().size();
  } else if (const auto* matrix = std::get_if<Matrix>(&value)) {
    for (const Series& series : *matrix) {
      bytes += sizeof(Series) + series.labels.bytes().size();
      bytes += series.floats.capacity() * sizeof(FloatPoint);
      bytes += series.histograms.capacity() * sizeof(HistogramPoint);
    }
  }
  return static_cast<int64_t>(bytes);
}

bool by_labels(const Series& a, const Series& b) {
  return model::Labels::compare(a.labels, b.labels) < 0;
}

Vector to_vector(StepValue value, model::TimestampMs t) {
  Vector vector;
  vector.reserve(value.series.size());
  for (StepSeries& s : value.series) {
    if (!s.has(0)) continue;
    Sample sample;
    sample.labels = std::move(s.labels);
    sample.t = t;
    if (s.is_histogram(0)) {
      sample.h = s.histograms[0];
    } else {
      sample.v = s.values[0];
    }
    vector.push_back(std::move(sample));
  }
  return vector;
}

Matrix scalar_matrix(const StepValue& value, const StepGrid& grid) {
  Series series;
  for (size_t i = 0; i < value.scalars.size(); ++i) {
    series.floats.push_back({grid.at(i), value.scalars[i]});
  }
  Matrix matrix;
  if (!series.floats.empty()) matrix.push_back(std::move(series));
  return matrix;
}

}  // namespace

struct Engine::Impl {
  explicit Impl(EngineOptions o)
      : options(std::move(o)),
        clock(options.clock ? options.clock : &system_clock),
        gate(options.max_concurrency),
        memory(std::make_shared<TotalMemory>(options.total_bytes)) {
    if (options.registry) {
      metrics = std::make_unique<EngineMetrics>(*options.registry, options.max_concurrency);
    }
  }

  base::Result<QueryResult> run(storage::Queryable& source, const std::string& query,
                                const StepGrid& grid, bool is_range, const QueryOptions& o);
  base::Result<QueryResult> run_in_turn(storage::Queryable& source, const std::string& query,
                                        const Expr& expr, const StepGrid& grid, bool is_range,
                                        const QueryOptions& o, QueryStats& stats);
  base::Result<QueryResult> execute(storage::Queryable& source, const std::string& query,
                                    const Expr& expr, const StepGrid& grid, bool is_range,
                                    const QueryOptions& o, nanoseconds deadline, QueryStats& stats);
  base::Result<Value> evaluate(Evaluator& ev, const Expr& expr, const StepGrid& grid, bool is_range,
                               QueryStats& stats);
  base::Result<std::shared_ptr<void>> hold(const Value& value) const;
  base::Status enter(const QueryOptions& o, nanoseconds deadline) {
    return o.quick_try ? base::Status() : gate.enter(*clock, deadline, o.stop);
  }
  void observe(const QueryStats& stats);

  const EngineOptions options;
  base::SystemClock system_clock;
  base::Clock* const clock;
  QueryGate gate;
  const std::shared_ptr<TotalMemory> memory;
  std::unique_ptr<EngineMetrics> metrics;  // nullptr without a registry
};

/// Answers that are sent slowly outlive their query, and even the engine.
base::Result<std::shared_ptr<void>> Engine::Impl::hold(const Value& value) const {
  struct Held {
    explicit Held(std::shared_ptr<TotalMemory> t)
        : total(std::move(t)), own({total->bytes, kNoLimit}, &total->answers) {}
    const std::shared_ptr<TotalMemory> total;
    storage::QueryBudget own;
  };
  auto held = std::make_shared<Held>(memory);
  RETURN_IF_ERROR(held->own.charge(bytes_of(value)));
  return std::shared_ptr<void>(std::move(held));
}

base::Result<Value> Engine::Impl::evaluate(Evaluator& ev, const Expr& expr, const StepGrid& grid,
                                           bool is_range, QueryStats& stats) {
  if (!is_range && expr.type() == ValueType::kMatrix) {
    ASSIGN_OR_RETURN(Matrix matrix, ev.eval_matrix(expr, grid.start));
    const Stopwatch watch(*clock);
    std::sort(matrix.begin(), matrix.end(), by_labels);
    stats.sort_seconds = watch.seconds();
    return Value(std::move(matrix));
  }
  ASSIGN_OR_RETURN(StepValue value, ev.eval(expr, grid));
  RETURN_IF_ERROR(ev.finish_names(value, grid));
  if (!is_range) {
    switch (value.type) {
      case ValueType::kScalar: return Value(Scalar{grid.start, value.scalars.at(0)});
      case ValueType::kString: return Value(String{grid.start, std::move(value.text)});
      default: return Value(to_vector(std::move(value), grid.start));
    }
  }
  RETURN_IF_ERROR(ev.check());
  if (value.type == ValueType::kScalar) return Value(scalar_matrix(value, grid));
  BudgetCharge answer(ev.options().budget);
  for (const StepSeries& s : value.series) {
    RETURN_IF_ERROR(answer.add_bytes(s.sample_count() * static_cast<int64_t>(sizeof(FloatPoint))));
  }
  Matrix matrix = to_matrix(value, grid);
  const Stopwatch watch(*clock);
  std::sort(matrix.begin(), matrix.end(), by_labels);
  stats.sort_seconds = watch.seconds();
  return Value(std::move(matrix));
}

base::Result<QueryResult> Engine::Impl::execute(storage::Queryable& source,
                                                const std::string& query, const Expr& expr,
                                                const StepGrid& grid, bool is_range,
                                                const QueryOptions& o, nanoseconds deadline,
                                                QueryStats& stats) {
  const Stopwatch prepare(*clock);
  Plan::Query plan_query;
  plan_query.grid = grid;
  plan_query.is_range = is_range;
  if (options.default_subquery_step_ms) {
    plan_query.default_subquery_step_ms = options.default_subquery_step_ms();
  }
  ASSIGN_OR_RETURN(const Plan plan, Plan::make(expr, plan_query));
  storage::QueryBudget budget(
      {o.quick_try ? std::min(options.query_bytes, kQuickTryBytes) : options.query_bytes,
       options.max_samples},
      o.quick_try ? nullptr : &memory->all);
  EvalOptions eval;
  eval.lookback_ms = o.lookback_ms.value_or(options.lookback_ms);
  storage::QuerierOptions open;
  open.range = plan.data_range(eval.lookback_ms);
  open.budget = &budget;
  open.stop = o.stop;
  auto querier = source.querier(open);
  if (!querier.is_ok()) return querier.status();
  stats.prepare_seconds = prepare.seconds();

  eval.querier = querier->get();
  eval.budget = &budget;
  eval.plan = &plan;
  eval.clock = clock;
  eval.deadline = deadline;
  eval.stop = o.stop;
  eval.delayed_name_removal = options.delayed_name_removal;
  eval.use_start_timestamps = options.use_start_timestamps;
  eval.type_and_unit_labels = options.type_and_unit_labels;
  Evaluator ev(eval);
  const Stopwatch watch(*clock);
  base::Result<Value> value = evaluate(ev, expr, grid, is_range, stats);
  stats.eval_seconds = watch.seconds() - stats.sort_seconds;
  stats.total_samples = ev.total_samples();
  stats.samples_read = ev.samples_read();
  stats.peak_samples = budget.peak_samples();
  if (!value.is_ok()) return value.status();
  QueryResult result;
  result.value = std::move(value).value();
  if (!o.quick_try) {
    ASSIGN_OR_RETURN(result.memory, hold(result.value));
  }
  for (std::string& text : (*querier)->warnings()) result.annotations.warn(std::move(text));
  ev.notes().finish(query, result.annotations);
  return result;
}

base::Result<QueryResult> Engine::Impl::run_in_turn(storage::Queryable& source,
                                                    const std::string& query, const Expr& expr,
                                                    const StepGrid& grid, bool is_range,
                                                    const QueryOptions& o, QueryStats& stats) {
  const int64_t timeout_ms =
      std::min(o.timeout_ms.value_or(options.timeout_ms), options.timeout_ms);
  const nanoseconds deadline = clock->monotonic() + std::chrono::milliseconds(timeout_ms);
  const Stopwatch queue(*clock);
  const base::Status entered = enter(o, deadline);
  stats.queue_seconds = queue.seconds();
  if (!entered.is_ok()) return entered;
  base::Result<QueryResult> result =
      execute(source, query, expr, grid, is_range, o, deadline, stats);
  if (!o.quick_try) gate.leave();
  return result;
}

base::Result<QueryResult> Engine::Impl::run(storage::Queryable& source, const std::string& query,
                                            const StepGrid& grid, bool is_range,
                                            const QueryOptions& o) {
  ASSIGN_OR_RETURN(const ExprPtr expr, parse_expr(query, options.parser));
  const ValueType type = expr->type();
  if (is_range && type != ValueType::kVector && type != ValueType::kScalar) {
    return base::Status(base::Errc::kBadData,
                        "invalid expression type \"" + std::string(value_type_text(type)) +
                            "\" for range query, must be Scalar or instant Vector");
  }
  QueryStats stats;
  if (metrics) metrics->running.add(1);
  base::Result<QueryResult> result = run_in_turn(source, query, *expr, grid, is_range, o, stats);
  observe(stats);
  const bool tried = o.quick_try && (result.status().code() == base::Errc::kTimeout ||
                                     result.status().code() == base::Errc::kLimit);
  if (options.on_query && !tried) {
    options.on_query(
        {query, grid.start, grid.end, is_range ? grid.step : 0, result.status(), stats, o.origin});
  }
  if (result.is_ok()) result->stats = stats;
  return result;
}

void Engine::Impl::observe(const QueryStats& stats) {
  if (!metrics) return;
  metrics->running.add(-1);
  metrics->samples.inc(static_cast<double>(stats.total_samples));
  metrics->samples_read.inc(static_cast<double>(stats.samples_read));
  metrics->queue.observe(stats.queue_seconds);
  metrics->prepare.observe(stats.prepare_seconds);
  metrics->eval.observe(stats.eval_seconds);
  metrics->sort.observe(stats.sort_seconds);
}

Engine::Engine(EngineOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Engine::~Engine() = default;

base::Result<QueryResult> Engine::instant(storage::Queryable& source, const std::string& query,
                                          model::TimestampMs t, const QueryOptions& options) {
  return impl_->run(source, query, StepGrid{t, t, 1}, false, options);
}

base::Result<QueryResult> Engine::range(storage::Queryable& source, const std::string& query,
                                        model::TimestampMs start, model::TimestampMs end,
                                        int64_t step_ms, const QueryOptions& options) {
  if (step_ms <= 0) {
    return base::Status(base::Errc::kBadData,
                        "zero or negative query resolution step widths are not accepted");
  }
  return impl_->run(source, query, StepGrid{start, end, step_ms}, true, options);
}

storage::QueryBudget& Engine::total_budget() {
  return impl_->memory->all;
}

const EngineOptions& Engine::options() const {
  return impl_->options;
}

}  // namespace silverback::promql
