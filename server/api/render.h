#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "promql/engine.h"

namespace silverback::server::api {

/// {"name":"value",...} without HTML escaping, names in label order.
void write_labels(base::JsonWriter& w, const model::Labels& labels);
void write_pairs(base::JsonWriter& w,
                 const std::vector<std::pair<std::string, std::string>>& pairs);
void write_strings(base::JsonWriter& w, const std::vector<std::string>& values);
/// {"count":"3","sum":"1.5","buckets":[[rule,"lo","hi","n"],...]}
void write_histogram(base::JsonWriter& w, const model::Histogram& h);
void write_stats(base::JsonWriter& w, const promql::QueryStats& stats);

/// Go's time.Time in JSON: RFC 3339 with the fraction's zeros cut; year 1 for `ms` = 0.
std::string go_time(int64_t ms);

}  // namespace silverback::server::api
