#include "rules/template/alert_template.h"

#include <utility>

#include "rules/template/exec.h"
#include "rules/template/parser.h"

namespace silverback::rules::text_template {

namespace {

// In front of every text, as Prometheus has it: columns of errors count it in.
constexpr std::string_view kDefinitions =
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"
    "{{$externalURL := .ExternalURL}}{{$value := .Value}}";

}  // namespace

base::Result<AlertTemplate> AlertTemplate::parse(const std::string& alert,
                                                 const std::string& text) {
  if (text.find("{{") == std::string::npos) return literal(text);
  AlertTemplate out;
  ASSIGN_OR_RETURN(out.tree_,
                   text_template::parse("__alert_" + alert, std::string(kDefinitions) + text));
  return out;
}

AlertTemplate AlertTemplate::literal(std::string text) {
  AlertTemplate out;
  out.literal_ = std::move(text);
  return out;
}

base::Result<std::string> AlertTemplate::expand(const Value& data, const Environment& env) const {
  if (!tree_) return literal_;
  base::Result<std::string> text = execute(*tree_, data, env);
  if (text.is_ok()) return text;
  return text.status().with_context("error executing template " + tree_->name);
}

std::string expansion_error_text(const base::Status& error) {
  return "<error expanding template: " + error.message() + ">";
}

Value alert_data(std::shared_ptr<const StringMap> labels,
                 std::shared_ptr<const StringMap> external_labels, std::string external_url,
                 Value value) {
  auto data = std::make_shared<AlertData>();
  data->labels = std::move(labels);
  data->external_labels = std::move(external_labels);
  data->external_url = std::move(external_url);
  data->value = std::move(value);
  return Value(Value::AlertDataPtr(std::move(data)));
}

}  // namespace silverback::rules::text_template
