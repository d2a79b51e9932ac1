#pragma once

#include <string>
#include <vector>

namespace silverback::promql {

/// What a query wants to tell beside its answer (spec 1.8). Texts carry prefix and position and
/// are unique. Threads: value type.
class Annotations {
 public:
  void warn(std::string text) { add(warnings_, std::move(text)); }
  void info(std::string text) { add(infos_, std::move(text)); }
  void merge(const Annotations& other);

  /// At most `max` (0 = all), then "N more warning annotations omitted".
  std::vector<std::string> warnings(size_t max = 10) const;
  std::vector<std::string> infos(size_t max = 10) const;
  bool empty() const { return warnings_.empty() && infos_.empty(); }

 private:
  static void add(std::vector<std::string>& list, std::string text);
  std::vector<std::string> warnings_;
  std::vector<std::string> infos_;
};

}  // namespace silverback::promql
