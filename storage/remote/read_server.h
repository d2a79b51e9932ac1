#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "storage/remote/read_codec.h"

namespace silverback::storage::remote {

/// Answers remote read requests. Threads: any thread; everything is answered on the caller's.
class ReadServer {
 public:
  struct Options {
    int64_t sample_limit = 50'000'000;  // of one query answered as SAMPLES; 0 = none
    size_t concurrent_limit = 10;       // 0 = none
    size_t frame_bytes = 1 << 20;       // of a streamed answer
    int64_t query_bytes = int64_t{1} << 30;
    QueryBudget* total = nullptr;  // borrowed; of all queries together
  };
  ReadServer(Queryable& source, base::metrics::Registry& registry, Options options);

  /// A turn, held while a request is answered; nullptr when all are taken. It must not outlive the
  /// server.
  std::shared_ptr<void> enter();

  /// A whole ReadResponse as a snappy block. kBadData when it passes the sample limit.
  base::Result<std::string> samples(const ReadRequest& request, const model::Labels& external,
                                    std::stop_token stop);

  /// A streamed answer, frame by frame, series in label order.
  class Stream {
   public:
    Stream(ReadServer& server, ReadRequest request, model::Labels external, std::stop_token stop,
           std::shared_ptr<void> turn);
    ~Stream();
    /// Appends frames of about `bytes`. False after the last one.
    base::Result<bool> next(std::string& out, size_t bytes);

   private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
  };

 private:
  base::Status read_query(const ReadQuery& query, const model::Labels& external,
                          std::stop_token stop, std::string& out);

  Queryable& source_;
  const Options options_;
  base::metrics::Gauge& running_metric_;
  std::atomic<size_t> running_{0};
};

}  // namespace silverback::storage::remote
