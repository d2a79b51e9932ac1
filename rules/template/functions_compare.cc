#include <string_view>

#include "rules/template/function_table.h"
#include "rules/template/go_format.h"

namespace silverback::rules::text_template {

namespace {

using base::Result;

enum class Basic : uint8_t { kNone, kBool, kInt, kUint, kFloat, kString };

Basic basic_kind(const Value& value) {
  if (value.as<bool>() != nullptr) return Basic::kBool;
  if (const auto* i = value.as<Integer>()) {
    return std::string_view(i->type) == "uint8" ? Basic::kUint : Basic::kInt;
  }
  if (value.as<double>() != nullptr) return Basic::kFloat;
  if (value.as<std::string>() != nullptr || value.as<Html>() != nullptr) return Basic::kString;
  return Basic::kNone;
}

bool is_integer(Basic kind) {
  return kind == Basic::kInt || kind == Basic::kUint;
}

std::string_view text_of(const Value& value) {
  if (const auto* s = value.as<std::string>()) return *s;
  return value.as<Html>()->text;
}

bool is_nil(const Value& value) {
  if (value.is_nil()) return true;
  if (const auto* s = value.as<Value::SamplePtr>()) return *s == nullptr;
  if (const auto* l = value.as<Value::SampleList>()) return *l == nullptr;
  return false;
}

base::Status incompatible(const Value& a, const Value& b) {
  return call_error("incompatible types for comparison: " + a.type_name() + " and " +
                    b.type_name());
}

Result<bool> equal(const Value& a, const Value& b) {
  const Basic ka = basic_kind(a), kb = basic_kind(b);
  if (is_integer(ka) && is_integer(kb)) return a.as<Integer>()->v == b.as<Integer>()->v;
  if (ka != kb) {
    if (!a.is_nil() && !b.is_nil()) return incompatible(a, b);
    return false;
  }
  switch (ka) {
    case Basic::kBool: return *a.as<bool>() == *b.as<bool>();
    case Basic::kFloat: return *a.as<double>() == *b.as<double>();
    case Basic::kString: return text_of(a) == text_of(b);
    default: break;
  }
  if (is_nil(a) || is_nil(b)) return is_nil(a) == is_nil(b);
  if (a.state().index() != b.state().index()) {
    return call_error("non-comparable types " + print_value(a) + ": " + a.type_name() + ", " +
                      b.type_name() + ": " + print_value(b));
  }
  // Pointers compare by identity; the rest cannot be compared.
  if (const auto* s = a.as<Value::SamplePtr>()) return *s == *b.as<Value::SamplePtr>();
  if (const auto* h = a.as<Value::HistogramPtr>()) return *h == *b.as<Value::HistogramPtr>();
  if (a.as<Time>() != nullptr || a.as<Duration>() != nullptr) return &a == &b;
  return call_error("non-comparable type " + print_value(b) + ": " + b.type_name());
}

Result<bool> less(const Value& a, const Value& b) {
  const Basic ka = basic_kind(a), kb = basic_kind(b);
  if (ka == Basic::kNone || kb == Basic::kNone) {
    return call_error("invalid type for comparison");
  }
  if (is_integer(ka) && is_integer(kb)) return a.as<Integer>()->v < b.as<Integer>()->v;
  if (ka != kb) return incompatible(a, b);
  switch (ka) {
    case Basic::kFloat: return *a.as<double>() < *b.as<double>();
    case Basic::kString: return text_of(a) < text_of(b);
    default: return call_error("invalid type for comparison");
  }
}

Result<bool> less_or_equal(const Value& a, const Value& b) {
  ASSIGN_OR_RETURN(const bool is_less, less(a, b));
  if (is_less) return true;
  return equal(a, b);
}

Result<Value> fn_eq(const Environment&, std::vector<Value>& args) {
  if (args.size() < 2) return call_error("missing argument for comparison");
  for (size_t i = 1; i < args.size(); ++i) {
    ASSIGN_OR_RETURN(const bool same, equal(args[0], args[i]));
    if (same) return Value(true);
  }
  return Value(false);
}

/// `compare`, negated when `negate`.
template <Result<bool> (*compare)(const Value&, const Value&), bool negate>
Result<Value> fn_compare(const Environment&, std::vector<Value>& args) {
  ASSIGN_OR_RETURN(const bool truth, compare(args[0], args[1]));
  return Value(truth != negate);
}

const std::vector<FunctionDef>& rows() {
  static const std::vector<Param> two = {Param::kReflect, Param::kReflect};
  static const std::vector<FunctionDef> all = {
      {"eq", two, true, fn_eq},
      {"ne", two, false, fn_compare<equal, true>},
      {"lt", two, false, fn_compare<less, false>},
      {"le", two, false, fn_compare<less_or_equal, false>},
      {"gt", two, false, fn_compare<less_or_equal, true>},
      {"ge", two, false, fn_compare<less, true>},
  };
  return all;
}

}  // namespace

std::span<const FunctionDef> compare_functions() {
  return rows();
}

}  // namespace silverback::rules::text_template
