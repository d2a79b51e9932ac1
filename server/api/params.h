#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/url.h"
#include "model/timestamp.h"
#include "promql/query_record.h"
#include "server/http_message.h"

namespace silverback::server::api {

/// URL query and, for POST and PUT, the urlencoded body: body first, as Go's Request.Form.
class Params {
 public:
  Params() = default;
  /// kBadData on a bad escape.
  static base::Result<Params> parse(const HttpRequest& request);

  /// The first value, "" when absent.
  std::string_view get(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  /// All of them, in that order.
  const base::FormValues& values() const { return values_; }

 private:
  base::FormValues values_;
};

/// `invalid parameter "<name>": <detail>` as kBadData.
base::Status invalid_param(std::string_view name, std::string_view detail);
base::Status invalid_param(std::string_view name, const base::Status& cause);

/// Float seconds (rounded to ms), RFC 3339, or one of the two documented extremes.
base::Result<model::TimestampMs> parse_time(std::string_view text);
/// Float seconds or a Prometheus duration; in ms, rounded towards zero.
base::Result<int64_t> parse_duration(std::string_view text);
/// Go's strconv.ParseBool.
base::Result<bool> parse_bool(std::string_view text);
/// Go's strconv.Atoi.
base::Result<int64_t> parse_int(std::string_view text);

/// An optional time parameter: `fallback` when it is not given.
base::Result<model::TimestampMs> time_param(const Params& params, std::string_view name,
                                            model::TimestampMs fallback);
/// `limit`: 0 = none.
base::Result<size_t> limit_param(const Params& params);
/// `timeout`, if given.
base::Result<std::optional<int64_t>> timeout_param(const Params& params);

/// Without blanks at the ends.
std::string_view trim(std::string_view s);
/// Whether an Accept header likes OpenMetrics text at least as much as the classic text format.
bool wants_openmetrics(std::string_view accept);
/// What the query log tells of a request.
promql::QueryOrigin query_origin(const HttpRequest& request);

}  // namespace silverback::server::api
