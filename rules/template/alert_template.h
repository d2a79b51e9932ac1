#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "rules/template/function_table.h"
#include "rules/template/node.h"
#include "rules/template/value.h"

namespace silverback::rules::text_template {

/// A label or annotation of an alerting rule: parsed once, expanded for every alert. $labels,
/// $externalLabels, $externalURL and $value are defined. Threads: shared for reading.
class AlertTemplate {
 public:
  /// kBadData: "template: __alert_<alert>:<line>: <message>".
  static base::Result<AlertTemplate> parse(const std::string& alert, const std::string& text);

  /// Text that is no template.
  static AlertTemplate literal(std::string text);
  bool is_literal() const { return tree_ == nullptr; }
  const std::string& literal_text() const { return literal_; }

  /// The text, or the error that stopped it: kExecution
  /// "error executing template __alert_<alert>: ...".
  base::Result<std::string> expand(const Value& data, const Environment& env) const;

 private:
  std::string literal_;               // the text, when it holds no action
  std::shared_ptr<const Tree> tree_;  // else set
};

/// What stands in for an alert text that failed to expand.
std::string expansion_error_text(const base::Status& error);

/// The dot of an alert's templates.
Value alert_data(std::shared_ptr<const StringMap> labels,
                 std::shared_ptr<const StringMap> external_labels, std::string external_url,
                 Value value);

}  // namespace silverback::rules::text_template
