#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/go_float.h"
#include "scrape/exposition_parser.h"

namespace silverback::scrape {

// A row of a parser's table: a page and what read_all() makes of it.
struct ParsedRow {
  std::string text;
  std::string expected;
};

// `s` with a NUL for each ~.
inline std::string with_nul(std::string s) {
  std::replace(s.begin(), s.end(), '~', '\0');
  return s;
}

inline std::string describe_series(ExpositionParser& parser) {
  model::LabelsBuilder labels;
  std::vector<std::string> empty;
  const base::Status status = parser.labels(labels, empty);
  std::string out = status.is_ok() ? labels.build().to_string() : "bad labels: " + status.message();
  out += " " + base::go_g(parser.value());
  if (parser.has_timestamp()) out += " @" + std::to_string(parser.timestamp());
  const model::TimestampMs start = parser.start_timestamp();
  if (start != 0) out += " since " + std::to_string(start);
  std::vector<model::Exemplar> exemplars;
  parser.exemplars(exemplars);
  for (const model::Exemplar& e : exemplars) {
    out += " # " + e.labels.to_string() + " " + base::go_g(e.value);
    if (e.t != 0) out += " @" + std::to_string(e.t);
  }
  for (const std::string& name : empty) out += " empty:" + name;
  return out + "\n";
}

// Each entry as one line: `name{labels} value @ts # {exemplar} value @ts`, `TYPE name type`, `HELP
// name [text]`, `UNIT name [unit]`, `error: ...`.
inline std::string read_all(ExpositionParser& parser) {
  using Entry = ExpositionParser::Entry;
  std::string out;
  for (;;) {
    switch (parser.next()) {
      case Entry::kEnd: return out;
      case Entry::kError: return out + "error: " + parser.status().message() + "\n";
      case Entry::kType:
        out += "TYPE " + parser.metadata_name() + " " +
               std::to_string(static_cast<int>(parser.type())) + "\n";
        break;
      case Entry::kHelp:
        out += "HELP " + parser.metadata_name() + " [" + parser.help() + "]\n";
        break;
      case Entry::kUnit:
        out += "UNIT " + parser.metadata_name() + " [" + parser.unit() + "]\n";
        break;
      case Entry::kHistogram: out += "a native histogram\n"; break;
      case Entry::kSeries: out += describe_series(parser);
    }
  }
}

}  // namespace silverback::scrape
