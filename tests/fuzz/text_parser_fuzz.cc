// Arbitrary bytes never crash the text parser, and a page read by prediction gives what lexing
// gave.
#include <cstdint>
#include <string_view>

#include "prediction_check.h"
#include "scrape/text_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  silverback::scrape::PredictionCheck<silverback::scrape::TextParser> check;
  check.run(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
