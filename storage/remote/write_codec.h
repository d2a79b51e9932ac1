#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/timestamp.h"
#include "storage/remote/wire_reader.h"

namespace silverback::storage::remote {

inline constexpr size_t kMaxDecodedBytes = 32 << 20;

/// Bytes without an initial value.
struct DecodedBody {
  std::unique_ptr<char[]> data;
  size_t size = 0;
  std::string_view view() const { return {data.get(), size}; }
};

/// A snappy block. The size it declares is held against kMaxDecodedBytes and against what its own
/// length can hold at most before anything is allocated. kBadData.
base::Result<DecodedBody> decode_snappy(std::string_view body);

/// One series of a WriteRequest. Views into the message; kept from series to series for its memory.
struct WireSeries {
  struct Sample {
    double value = 0;
    model::TimestampMs t = 0;
  };
  struct Exemplar {
    size_t first_label = 0, labels = 0;  // in exemplar_labels
    double value = 0;
    model::TimestampMs t = 0;
  };
  std::vector<model::Label> labels;  // as sent: any order, nothing checked
  std::vector<Sample> samples;
  std::vector<Exemplar> exemplars;
  std::vector<model::Label> exemplar_labels;
  std::vector<std::string_view> histograms;  // for decode_histogram

  void clear();
  size_t sample_count() const { return samples.size() + histograms.size(); }
};

/// Reads a remote write 1.0 WriteRequest series by series. Fields it does not know are skipped,
/// metadata too. Threads: externally locked.
class WriteRequestReader {
 public:
  explicit WriteRequestReader(std::string_view message) : in_(message) {}
  /// False at the end, or when the message is broken: see status().
  bool next(WireSeries& into);
  /// kBadData naming what is broken.
  base::Status status() const;

 private:
  WireReader in_;
  bool failed_ = false;
};

struct WireHistogram {
  model::Histogram histogram;
  model::TimestampMs t = 0;
};

/// The histogram message. Deltas become absolute counts, schemas 9..52 are reduced to 8, the rules
/// of model::Histogram::validate() hold. kBadData: the sample is refused. A message that breaks
/// the wire format is kCorruption: the request is refused. Reuses the memory of `into`.
base::Status decode_histogram(std::string_view message, WireHistogram& into);

}  // namespace silverback::storage::remote
