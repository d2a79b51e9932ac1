#include <algorithm>
#include <memory>
#include <utility>

#include "rules/template/function_table.h"

namespace silverback::rules::text_template {

namespace {

using base::Result;
using Samples = std::vector<Value::SamplePtr>;

constexpr const char* kNilPointer =
    "runtime error: invalid memory address or nil pointer dereference";

Result<Value> fn_query(const Environment& env, std::vector<Value>& args) {
  if (!env.query) return call_error("queries are not available here");
  ASSIGN_OR_RETURN(const promql::Vector vector, env.query(*args[0].as<std::string>()));
  auto list = std::make_shared<Samples>();
  list->reserve(vector.size());
  for (const promql::Sample& element : vector) {
    auto labels = std::make_shared<StringMap>();
    for (const model::Label& label : element.labels) {
      labels->emplace(std::string(label.name), std::string(label.value));
    }
    auto sample = std::make_shared<SampleData>();
    sample->labels = std::move(labels);
    sample->value = element.h ? Value(element.h) : Value(element.v);
    list->push_back(std::move(sample));
  }
  return Value(Value::SampleList(std::move(list)));
}

Result<Value> fn_first(const Environment&, std::vector<Value>& args) {
  const auto& list = *args[0].as<Value::SampleList>();
  if (!list || list->empty()) return call_error("first() called on vector with no elements");
  return Value(list->front());
}

/// A label's value, "" when absent.
std::string label_of(const SampleData& sample, const std::string& name) {
  if (!sample.labels) return "";
  const auto it = sample.labels->find(name);
  return it == sample.labels->end() ? "" : it->second;
}

Result<Value> fn_label(const Environment&, std::vector<Value>& args) {
  const auto& sample = *args[1].as<Value::SamplePtr>();
  if (!sample) return call_error(kNilPointer);
  return Value(label_of(*sample, *args[0].as<std::string>()));
}

Result<Value> fn_value(const Environment&, std::vector<Value>& args) {
  const auto& sample = *args[0].as<Value::SamplePtr>();
  if (!sample) return call_error(kNilPointer);
  return sample->value;
}

Result<Value> fn_strvalue(const Environment&, std::vector<Value>& args) {
  const auto& sample = *args[0].as<Value::SamplePtr>();
  if (!sample) return call_error(kNilPointer);
  return Value(label_of(*sample, "__value__"));
}

Result<Value> fn_sort_by_label(const Environment&, std::vector<Value>& args) {
  const std::string& name = *args[0].as<std::string>();
  const auto& list = *args[1].as<Value::SampleList>();
  if (!list) return args[1];
  auto sorted = std::make_shared<Samples>(*list);
  std::stable_sort(sorted->begin(), sorted->end(), [&](const auto& a, const auto& b) {
    return label_of(*a, name) < label_of(*b, name);
  });
  return Value(Value::SampleList(std::move(sorted)));
}

Result<Value> fn_args(const Environment&, std::vector<Value>& args) {
  auto map = std::make_shared<AnyMap>();
  for (size_t i = 0; i < args.size(); ++i) map->emplace("arg" + std::to_string(i), args[i]);
  return Value(Value::AnyMapPtr(std::move(map)));
}

const std::vector<FunctionDef>& rows() {
  static const std::vector<FunctionDef> all = {
      {"query", {Param::kString}, false, fn_query},
      {"first", {Param::kSampleList}, false, fn_first},
      {"label", {Param::kString, Param::kSample}, false, fn_label},
      {"value", {Param::kSample}, false, fn_value},
      {"strvalue", {Param::kSample}, false, fn_strvalue},
      {"sortByLabel", {Param::kString, Param::kSampleList}, false, fn_sort_by_label},
      {"args", {Param::kAny}, true, fn_args},
  };
  return all;
}

}  // namespace

std::span<const FunctionDef> query_functions() {
  return rows();
}

}  // namespace silverback::rules::text_template
