#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace silverback::base {

/// Header fields in order of appearance. Names compare case-insensitively.
class HttpHeaders {
 public:
  using Field = std::pair<std::string, std::string>;

  void add(std::string name, std::string value);
  /// Replaces every field of that name.
  void set(std::string name, std::string value);
  /// First value, or "" when absent.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  void remove(std::string_view name);
  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

/// ASCII case-insensitive equality, as header names want it.
bool iequals(std::string_view a, std::string_view b);

}  // namespace silverback::base
