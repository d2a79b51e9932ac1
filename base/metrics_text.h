#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/metrics.h"

namespace silverback::base::metrics {

enum class MetricType : uint8_t { kCounter, kGauge, kHistogram, kSummary };
enum class TextFormat : uint8_t {
  kText,         // 0.0.4
  kOpenMetrics,  // 1.0.0
};

/// The families of one exposition: each child's lines, by family and labels.
/// Threads: externally locked.
class Exposition {
 public:
  explicit Exposition(TextFormat format) : format_(format) {}

  void add(std::string_view family, std::string_view help, const LabelPairs& labels,
           MetricType type, double v);
  void add(std::string_view family, std::string_view help, const LabelPairs& labels,
           const Histogram& h);
  void add(std::string_view family, std::string_view help, const LabelPairs& labels,
           const Summary& s);

  /// Families sorted by name, children by labels.
  std::string text() const;

 private:
  struct Family {
    MetricType type = MetricType::kGauge;
    std::string help;
    std::map<LabelPairs, std::string> children;
  };
  std::string& child(std::string_view family, std::string_view help, const LabelPairs& labels,
                     MetricType type);
  std::string bound(double v) const;
  void append_head(std::string& out, std::string_view name, const Family& family) const;

  const TextFormat format_;
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace silverback::base::metrics
