// Arbitrary bytes never crash the OpenMetrics parser, a page read by prediction gives what lexing
// gave, and created times read ahead change nothing but the lines that tell them.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "prediction_check.h"
#include "scrape/openmetrics_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using silverback::scrape::OpenMetricsParser;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  silverback::scrape::PredictionCheck<OpenMetricsParser> check;
  check.run(text);
  OpenMetricsParser plain(text), created(text, true);
  for (;;) {
    OpenMetricsParser::Entry a = plain.next();
    const OpenMetricsParser::Entry b = created.next();
    static_cast<void>(created.start_timestamp());
    // Lines that the second leaves out.
    while (a == OpenMetricsParser::Entry::kSeries &&
           (b != a || plain.series_text().data() != created.series_text().data())) {
      a = plain.next();
    }
    if (a != b || plain.status().message() != created.status().message()) std::abort();
    if (a == OpenMetricsParser::Entry::kEnd || a == OpenMetricsParser::Entry::kError) return 0;
  }
}
