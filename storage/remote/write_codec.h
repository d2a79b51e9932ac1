#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
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

/// Samples, histograms and exemplars of one request. A message of two bytes an (empty) sample
/// would grow twentyfold on its way to storage.
inline constexpr size_t kMaxRequestSamples = 1 << 20;

/// One series of a request. Views into the message; kept from series to series for its memory.
struct WireSeries {
  struct Sample {
    double value = 0;
    model::TimestampMs t = 0;
    model::TimestampMs start = 0;  // 0: not told
  };
  struct Exemplar {
    size_t first_label = 0, labels = 0;  // in exemplar_labels
    double value = 0;
    model::TimestampMs t = 0;
    bool usable = true;  // its labels can be made
  };
  /// Of remote write 2.0.
  struct Metadata {
    uint64_t type = 0;  // as on the wire
    std::string_view help, unit;
    bool given() const { return type != 0 || !help.empty() || !unit.empty(); }
  };
  std::vector<model::Label> labels;  // as sent: any order, nothing checked
  base::Status labels_status;        // kBadData: `labels` is not all, or nothing of it
  std::vector<Sample> samples;
  std::vector<Exemplar> exemplars;
  std::vector<model::Label> exemplar_labels;
  std::vector<std::string_view> histograms;  // for decode_histogram
  Metadata metadata;

  void clear();
  size_t sample_count() const { return samples.size() + histograms.size(); }
};

/// Reads a request series by series. Fields it does not know are skipped. Memory stays in
/// proportion to the message whatever it holds. Threads: externally locked.
class SeriesReader {
 public:
  SeriesReader() = default;
  SeriesReader(const SeriesReader&) = delete;
  SeriesReader& operator=(const SeriesReader&) = delete;
  virtual ~SeriesReader() = default;
  /// False at the end, or when the message is broken: see status().
  bool next(WireSeries& into);
  /// kBadData naming what is broken.
  base::Status status() const;

 protected:
  explicit SeriesReader(std::string_view message) : in_(message) {}
  /// Gives the series of the field that `in` stands on; leaves `is_series` false if it is none.
  /// False: broken.
  virtual bool read_field(WireReader& in, WireSeries& into, bool& is_series) = 0;
  /// One sample, histogram or exemplar more. False: too many.
  bool count_sample();
  bool add_sample(std::string_view message, WireSeries& into);
  void break_off(base::Status why) { broken_ = std::move(why); }

 private:
  WireReader in_;
  base::Status broken_;
  size_t samples_ = 0;
};

/// A remote write 1.0 message, prometheus.WriteRequest. Metadata is skipped.
class WriteRequestReader final : public SeriesReader {
 public:
  explicit WriteRequestReader(std::string_view message) : SeriesReader(message) {}

 protected:
  bool read_field(WireReader& in, WireSeries& into, bool& is_series) override;

 private:
  bool read_series(std::string_view message, WireSeries& into);
  bool read_exemplar(std::string_view message, WireSeries& into);
};

struct WireHistogram {
  model::Histogram histogram;
  model::TimestampMs t = 0;
  model::TimestampMs start = 0;  // 0: not told
};

/// The histogram message. Deltas become absolute counts, schemas 9..52 are reduced to 8, the rules
/// of model::Histogram::validate() hold. kBadData: the sample is refused. A message that breaks
/// the wire format is kCorruption: the request is refused. Reuses the memory of `into`.
base::Status decode_histogram(std::string_view message, WireHistogram& into);

}  // namespace silverback::storage::remote
