#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/histogram.h"

namespace silverback::rules::text_template {

class Value;

using StringMap = std::map<std::string, std::string>;
using AnyMap = std::map<std::string, Value>;

/// An integer with the name of its Go type: "int", "uint8", or a named one such as "time.Month",
/// which then carries its text.
struct Integer {
  int64_t v = 0;
  const char* type = "int";
  const char* text = nullptr;  // static; set for types that print as words
};

/// template.HTML: a string type of its own.
struct Html {
  std::string text;
};

/// Nanoseconds since the Unix epoch, UTC.
struct Time {
  int64_t ns = 0;
};
struct Duration {
  int64_t ns = 0;
};

struct SampleData;
struct AlertData;

/// What a template computes with: the types that alert templates can meet in Go. Heavy parts are
/// shared and immutable. Threads: value type.
class Value {
 public:
  using StringMapPtr = std::shared_ptr<const StringMap>;
  using AnyMapPtr = std::shared_ptr<const AnyMap>;
  using SamplePtr = std::shared_ptr<const SampleData>;               // *template.sample, may be nil
  using SampleList = std::shared_ptr<const std::vector<SamplePtr>>;  // null = nil slice
  using HistogramPtr = std::shared_ptr<const model::Histogram>;
  using AlertDataPtr = std::shared_ptr<const AlertData>;
  using Variant =
      std::variant<std::monostate, bool, Integer, double, std::string, Html, Time, Duration,
                   StringMapPtr, AnyMapPtr, SampleList, SamplePtr, HistogramPtr, AlertDataPtr>;

  Value() = default;  // nil, "no value"
  template <typename T>
  requires(!std::is_same_v<std::decay_t<T>, Value>) explicit Value(T v) : state_(std::move(v)) {}
  static Value integer(int64_t v) { return Value(Integer{v, "int", nullptr}); }

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&state_);
  }
  const Variant& state() const { return state_; }
  bool is_nil() const { return std::holds_alternative<std::monostate>(state_); }

  /// Go's name of the type, as error texts and %T show it; "<nil>" for nil.
  std::string type_name() const;
  /// Not the zero value of its kind, as `if` sees it.
  bool truth() const;
  /// Bytes of a string, elements of a list or map; -1 when it has no length.
  int64_t length() const;

  /// The value came out of an interface{} field: some error texts call its type "interface {}".
  bool boxed() const { return boxed_; }
  Value& set_boxed(bool boxed) {
    boxed_ = boxed;
    return *this;
  }

 private:
  Variant state_;
  bool boxed_ = false;
};

/// One element of a query's result.
struct SampleData {
  Value::StringMapPtr labels;
  Value value;  // double or histogram
};

/// The dot of an alert template.
struct AlertData {
  Value::StringMapPtr labels;
  Value::StringMapPtr external_labels;
  std::string external_url;
  Value value;  // double or histogram
};

/// time.Time.String and time.Duration.String.
std::string time_text(Time t);
std::string duration_text(Duration d);

}  // namespace silverback::rules::text_template
