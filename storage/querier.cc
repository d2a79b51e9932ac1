#include "storage/querier.h"

namespace silverback::storage {

void ColumnBuffer::clear() {
  t.clear();
  v.clear();
  start.clear();
  column = {};
  histogram_t.clear();
  histograms.clear();
  histogram_start.clear();
}

size_t ColumnBuffer::bytes() const {
  size_t total = (t.size() + start.size() + histogram_t.size() + histogram_start.size()) *
                 sizeof(model::TimestampMs);
  total += v.size() * sizeof(double);
  for (const model::Histogram& h : histograms) total += sizeof h + h.bytes();
  return total;
}

}  // namespace silverback::storage
