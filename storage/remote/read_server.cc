#include "storage/remote/read_server.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "storage/query_budget.h"
#include "storage/remote/wire_writer.h"

namespace silverback::storage::remote {

using base::Errc;
using base::Result;
using base::Status;

namespace {

/// (after, until] from two inclusive ends.
model::TimeRange range_of(const ReadQuery& query) {
  return {std::max(query.start, model::kMinTime + 1) - 1, query.end};
}

/// One query's view of storage.
struct Reading {
  Reading(Queryable& source, const ReadQuery& query, const ReadServer::Options& options,
          std::stop_token stop)
      : budget({options.query_bytes, std::numeric_limits<int64_t>::max()}, options.total),
        range(range_of(query)) {
    status = open(source, query, std::move(stop));
  }
  Status open(Queryable& source, const ReadQuery& query, std::stop_token stop) {
    QuerierOptions options;
    options.range = range;
    options.budget = &budget;
    options.stop = std::move(stop);
    ASSIGN_OR_RETURN(querier, source.querier(std::move(options)));
    SelectHints hints;
    hints.range = range;
    hints.sorted = true;
    ASSIGN_OR_RETURN(set, querier->select(hints, query.matchers));
    return {};
  }

  QueryBudget budget;
  const model::TimeRange range;
  std::unique_ptr<Querier> querier;  // borrows the budget
  std::unique_ptr<SeriesSet> set;    // borrows the querier
  ColumnBuffer samples;
  Status status;
};

}  // namespace

ReadServer::ReadServer(Queryable& source, base::metrics::Registry& registry, Options options)
    : source_(source),
      options_(options),
      running_metric_(registry.gauge(
          "prometheus_remote_read_handler_queries",
          "The current number of remote read queries that are either in execution or queued on "
          "the handler.")) {}

std::shared_ptr<void> ReadServer::enter() {
  if (running_.fetch_add(1) >= options_.concurrent_limit && options_.concurrent_limit > 0) {
    running_.fetch_sub(1);
    return nullptr;
  }
  running_metric_.add(1);
  return std::shared_ptr<void>(this, [this](void*) {
    running_metric_.add(-1);
    running_.fetch_sub(1);
  });
}

Status ReadServer::read_query(const ReadQuery& query, const model::Labels& external,
                              std::stop_token stop, std::string& out) {
  Reading reading(source_, query, options_, std::move(stop));
  RETURN_IF_ERROR(reading.status);
  int64_t taken = 0;
  while (reading.set->next()) {
    RETURN_IF_ERROR(reading.set->read(reading.range, reading.samples));
    const ColumnBuffer& samples = reading.samples;
    taken += static_cast<int64_t>(samples.t.size() + samples.histogram_t.size());
    if (options_.sample_limit > 0 && taken > options_.sample_limit) {
      return Status(Errc::kBadData,
                    "exceeded sample limit (" + std::to_string(options_.sample_limit) + ")");
    }
    const size_t before = out.size();
    append_time_series(out, with_external(reading.set->labels(), external), samples);
    RETURN_IF_ERROR(reading.budget.charge(static_cast<int64_t>(out.size() - before)));
  }
  return reading.set->status();
}

Result<std::string> ReadServer::samples(const ReadRequest& request, const model::Labels& external,
                                        std::stop_token stop) {
  std::string response;
  WireWriter w(response);
  for (const ReadQuery& query : request.queries) {
    std::string result;
    RETURN_IF_ERROR(read_query(query, external, stop, result));
    w.bytes(1, result);
  }
  return snappy_block(response);
}

struct ReadServer::Stream::Impl {
  Impl(ReadServer& s, ReadRequest r, model::Labels e, std::stop_token t, std::shared_ptr<void> u)
      : server(s),
        request(std::move(r)),
        external(std::move(e)),
        stop(std::move(t)),
        turn(std::move(u)) {}

  /// Moves to the next series that has samples; false at the end of the last query.
  Result<bool> next_series() {
    while (true) {
      if (!reading) {
        if (query == request.queries.size()) return false;
        reading = std::make_unique<Reading>(server.source_, request.queries[query], server.options_,
                                            stop);
        RETURN_IF_ERROR(reading->status);
      }
      if (reading->set->next()) {
        RETURN_IF_ERROR(reading->set->read(reading->range, reading->samples));
        labels = with_external(reading->set->labels(), external);
        chunks = encode_prom_chunks(reading->samples);
        done = 0;
        if (!chunks.empty()) return true;
        continue;
      }
      RETURN_IF_ERROR(reading->set->status());
      reading.reset();
      ++query;
    }
  }

  /// One frame: chunks of one series until the limit is passed.
  void add_frame(std::string& out) {
    size_t size = labels.bytes().size();
    size_t end = done;
    while (end < chunks.size() && size < server.options_.frame_bytes) {
      size += chunks[end++].data.size() + 24;
    }
    end = std::max(end, done + 1);
    append_chunk_frame(out, query, labels, chunks, done, end);
    done = end;
  }

  ReadServer& server;
  const ReadRequest request;
  const model::Labels external;
  const std::stop_token stop;
  const std::shared_ptr<void> turn;
  size_t query = 0;
  std::unique_ptr<Reading> reading;
  model::Labels labels;
  std::vector<PromChunk> chunks;  // of the current series
  size_t done = 0;                // of them
};

ReadServer::Stream::Stream(ReadServer& server, ReadRequest request, model::Labels external,
                           std::stop_token stop, std::shared_ptr<void> turn)
    : impl_(std::make_unique<Impl>(server, std::move(request), std::move(external), std::move(stop),
                                   std::move(turn))) {}

ReadServer::Stream::~Stream() = default;

Result<bool> ReadServer::Stream::next(std::string& out, size_t bytes) {
  while (out.size() < bytes) {
    if (impl_->done == impl_->chunks.size()) {
      ASSIGN_OR_RETURN(const bool more, impl_->next_series());
      if (!more) return false;
    }
    impl_->add_frame(out);
  }
  return true;
}

}  // namespace silverback::storage::remote
