#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace silverback::testing {

/// A MetricFamily of io.prometheus.client from protobuf's text format, as bytes of libprotobuf.
/// Aborts when the text is wrong.
std::string metric_family(std::string_view text);
/// Each with its length before it: a page.
std::string metric_page(const std::vector<std::string_view>& families);
/// `message` with its length before it.
std::string with_length(std::string_view message);

/// What libprotobuf says of a page: every message parses. For comparison with our decoder.
bool is_metric_page(std::string_view page);

}  // namespace silverback::testing
