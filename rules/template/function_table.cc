#include "rules/template/function_table.h"

#include <map>
#include <utility>

namespace silverback::rules::text_template {

namespace {

using Table = std::map<std::string_view, const FunctionDef*>;

const Table& table() {
  static const Table all = [] {
    Table rows;
    for (const auto group : {builtin_functions(), compare_functions(), query_functions(),
                             text_functions(), humanize_functions()}) {
      for (const FunctionDef& row : group) rows.emplace(row.name, &row);
    }
    return rows;
  }();
  return all;
}

}  // namespace

std::string_view param_type_name(Param param) {
  switch (param) {
    case Param::kAny: return "interface {}";
    case Param::kReflect: return "reflect.Value";
    case Param::kString: return "string";
    case Param::kInt: return "int";
    case Param::kSampleList: return "template.queryResult";
    case Param::kSample: return "*template.sample";
    case Param::kTime: return "time.Time";
    case Param::kDuration: return "time.Duration";
  }
  return "?";
}

const FunctionDef* find_function(std::string_view name) {
  const auto it = table().find(name);
  return it == table().end() ? nullptr : it->second;
}

std::vector<std::string_view> function_names() {
  std::vector<std::string_view> names;
  for (const auto& row : table()) names.push_back(row.first);
  return names;
}

base::Status call_error(std::string message) {
  return {base::Errc::kExecution, std::move(message)};
}

}  // namespace silverback::rules::text_template
