#include "promql/annotations.h"

#include <algorithm>

namespace silverback::promql {

namespace {

std::vector<std::string> shortened(const std::vector<std::string>& all, size_t max,
                                   std::string_view kind) {
  if (max == 0 || all.size() <= max) return all;
  std::vector<std::string> some(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(max));
  some.push_back(std::to_string(all.size() - max) + " more " + std::string(kind) +
                 " annotations omitted");
  return some;
}

}  // namespace

void Annotations::add(std::vector<std::string>& list, std::string text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
}

void Annotations::merge(const Annotations& other) {
  for (const std::string& text : other.warnings_) add(warnings_, text);
  for (const std::string& text : other.infos_) add(infos_, text);
}

std::vector<std::string> Annotations::warnings(size_t max) const {
  return shortened(warnings_, max, "warning");
}

std::vector<std::string> Annotations::infos(size_t max) const {
  return shortened(infos_, max, "info");
}

}  // namespace silverback::promql
