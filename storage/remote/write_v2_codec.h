#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "storage/remote/write_codec.h"

namespace silverback::storage::remote {

/// Strings of one request's symbol table.
inline constexpr size_t kMaxSymbols = 1 << 20;
/// What the labels of one request may come to once their references are resolved: a reference of
/// one byte can stand for 64 KB.
inline constexpr size_t kMaxResolvedLabelBytes = 4 * kMaxDecodedBytes;

/// A remote write 2.0 message, io.prometheus.write.v2.Request. Its strings stand in one table,
/// which may come behind the series; series refer to them by index. A series with an odd number of
/// references, or one outside of the table, gets a labels_status; its neighbours are not affected.
class WriteRequestV2Reader final : public SeriesReader {
 public:
  explicit WriteRequestV2Reader(std::string_view message);

 protected:
  bool read_field(WireReader& in, WireSeries& into, bool& is_series) override;

 private:
  bool read_series(std::string_view message, WireSeries& into);
  bool read_metadata(std::string_view message, WireSeries::Metadata& into) const;
  bool read_exemplar(std::string_view message, WireSeries& into);
  base::Status resolve(std::vector<model::Label>& into);
  std::string_view symbol(uint32_t ref) const;

  std::vector<std::string_view> symbols_;
  std::vector<uint32_t> refs_;  // of what is being read
  size_t ref_count_ = 0;        // as sent: refs_ holds no more than are of use
  size_t label_bytes_ = 0;
};

}  // namespace silverback::storage::remote
