#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace silverback::base {

/// What a plain scalar means, as Go's yaml.v2 resolves it (YAML 1.1 words and numbers).
enum class YamlScalarKind : uint8_t { kNull, kBool, kInt, kFloat, kTimestamp, kMerge, kString };

YamlScalarKind resolve_yaml_scalar(std::string_view text);
/// "!!int" and the like, as error messages name it.
std::string_view yaml_tag(YamlScalarKind kind);

std::optional<bool> yaml_bool(std::string_view text);
/// Go's base 0: 0x, 0o, 0b and a leading 0 for octal; underscores between digits.
std::optional<int64_t> yaml_int(std::string_view text);
std::optional<uint64_t> yaml_uint(std::string_view text);
std::optional<double> yaml_float(std::string_view text);

/// "10MB", "512KiB", "1.5GB", "0": powers of 1024 for both spellings. kBadData in the words of
/// github.com/alecthomas/units.
Result<uint64_t> parse_byte_size(std::string_view text);

/// "10MiB", "1MiB512KiB", "0B": as the same package prints them.
std::string format_byte_size(uint64_t bytes);

/// The scalar as a YAML writer puts it after "key: ": plain when it reads back as the same string,
/// else quoted, else (several lines) a literal block indented by `indent` blanks.
std::string quote_yaml_scalar(std::string_view text, size_t indent);
/// The same inside [a, b] and on one line.
std::string quote_yaml_flow_scalar(std::string_view text);

}  // namespace silverback::base
