#include "scrape/exposition_parser.h"

#include <cassert>

namespace silverback::scrape {

model::Histogram& ExpositionParser::histogram() {
  // Only formats that give kHistogram are asked for one, and they override this.
  assert(false);
  static thread_local model::Histogram none;
  return none;
}

}  // namespace silverback::scrape
