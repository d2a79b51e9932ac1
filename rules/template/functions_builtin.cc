#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/url.h"
#include "rules/template/function_table.h"
#include "rules/template/go_format.h"
#include "rules/template/rune.h"

namespace silverback::rules::text_template {

namespace {

using base::Result;

std::string html_escape(std::string_view s) {
  std::string out;
  for (const char c : s) {
    switch (c) {
      case '\0': append_rune(out, 0xfffd); break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string js_escape(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size();) {
    size_t length = 0;
    const char32_t r = decode_rune(s.substr(i), length);
    const std::string_view raw = s.substr(i, length);
    i += length;
    char buf[16];
    switch (r) {
      case '\\': out += "\\\\"; continue;
      case '\'': out += "\\'"; continue;
      case '"': out += "\\\""; continue;
      case '<': out += "\\u003C"; continue;
      case '>': out += "\\u003E"; continue;
      case '&': out += "\\u0026"; continue;
      case '=': out += "\\u003D"; continue;
      default: break;
    }
    if (r == 0xfffd) {
      append_rune(out, r);
    } else if (r < ' ' || (r >= 0x7f && !is_letter(r) && r < 0xa1) || r == 0x2028 || r == 0x2029) {
      if (r == 0x7f) {
        out += raw;  // jsIsSpecial knows no DEL
        continue;
      }
      std::snprintf(buf, sizeof buf, "\\u%04X", static_cast<unsigned>(r));
      out += buf;
    } else {
      out += raw;
    }
  }
  return out;
}

Result<int64_t> index_argument(const Value& index, int64_t cap) {
  const auto* i = index.as<Integer>();
  if (i == nullptr) {
    if (index.is_nil()) return call_error("cannot index slice/array with nil");
    return call_error("cannot index slice/array with type " + index.type_name());
  }
  if (i->v < 0 || i->v > cap) return call_error("index out of range: " + std::to_string(i->v));
  return i->v;
}

Result<Value> index_one(const Value& item, const Value& index) {
  const auto* list = item.as<Value::SampleList>();
  const auto* text = item.as<std::string>();
  if (list != nullptr || text != nullptr) {
    const int64_t length = item.length();
    ASSIGN_OR_RETURN(const int64_t i, index_argument(index, length));
    if (i == length) return call_error("reflect: slice index out of range");
    if (list != nullptr) return Value((**list)[static_cast<size_t>(i)]);
    const auto byte = static_cast<unsigned char>((*text)[static_cast<size_t>(i)]);
    return Value(Integer{byte, "uint8", nullptr});
  }
  const auto* strings = item.as<Value::StringMapPtr>();
  const auto* anys = item.as<Value::AnyMapPtr>();
  if (strings == nullptr && anys == nullptr) {
    return call_error("can't index item of type " + item.type_name());
  }
  const auto* key = index.as<std::string>();
  if (key == nullptr) {
    if (index.is_nil()) return call_error("value is nil; should be of type string");
    return call_error("value has type " + index.type_name() + "; should be string");
  }
  if (strings != nullptr) {
    if (!*strings) return Value(std::string());
    const auto it = (*strings)->find(*key);
    return Value(it == (*strings)->end() ? std::string() : it->second);
  }
  const auto it = (*anys)->find(*key);
  return it == (*anys)->end() ? Value() : it->second;
}

Result<Value> fn_index(const Environment&, std::vector<Value>& args) {
  Value item = args[0];
  if (item.is_nil()) return call_error("index of untyped nil");
  for (size_t i = 1; i < args.size(); ++i) {
    if (item.is_nil()) return call_error("index of nil pointer");
    ASSIGN_OR_RETURN(item, index_one(item, args[i]));
  }
  return item;
}

Result<Value> fn_slice(const Environment&, std::vector<Value>& args) {
  const Value& item = args[0];
  if (item.is_nil()) return call_error("slice of untyped nil");
  const size_t count = args.size() - 1;
  if (count > 3) return call_error("too many slice indexes: " + std::to_string(count));
  const auto* list = item.as<Value::SampleList>();
  const auto* text = item.as<std::string>();
  if (list == nullptr && text == nullptr) {
    return call_error("can't slice item of type " + item.type_name());
  }
  if (text != nullptr && count == 3) return call_error("cannot 3-index slice a string");
  const int64_t length = item.length();
  int64_t bounds[3] = {0, length, length};
  for (size_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(bounds[i], index_argument(args[i + 1], length));
  }
  for (size_t i = 0; i < 2; ++i) {
    if (bounds[i] > bounds[i + 1]) {
      return call_error("invalid slice index: " + std::to_string(bounds[i]) + " > " +
                        std::to_string(bounds[i + 1]));
    }
  }
  const auto from = static_cast<size_t>(bounds[0]);
  const auto to = static_cast<size_t>(bounds[1]);
  if (text != nullptr) return Value(text->substr(from, to - from));
  if (!*list) return item;
  return Value(Value::SampleList(std::make_shared<const std::vector<Value::SamplePtr>>(
      (*list)->begin() + bounds[0], (*list)->begin() + bounds[1])));
}

Result<Value> fn_len(const Environment&, std::vector<Value>& args) {
  if (args[0].is_nil()) return call_error("reflect: call of reflect.Value.Type on zero Value");
  const int64_t length = args[0].length();
  if (length < 0) return call_error("len of type " + args[0].type_name());
  return Value::integer(length);
}

Result<Value> fn_call(const Environment&, std::vector<Value>& args) {
  if (args[0].is_nil()) return call_error("call of nil");
  return call_error("non-function of type " + args[0].type_name());
}

const std::vector<FunctionDef>& rows() {
  static const std::vector<FunctionDef> all = {
      {"and", {Param::kReflect, Param::kReflect}, true, nullptr},
      {"or", {Param::kReflect, Param::kReflect}, true, nullptr},
      {"not",
       {Param::kReflect},
       false,
       [](const Environment&, std::vector<Value>& args) -> Result<Value> {
         return Value(!args[0].truth());
       }},
      {"call", {Param::kReflect, Param::kReflect}, true, fn_call},
      {"html",
       {Param::kAny},
       true,
       [](const Environment&, std::vector<Value>& args) -> Result<Value> {
         return Value(html_escape(print_values(args)));
       }},
      {"js",
       {Param::kAny},
       true,
       [](const Environment&, std::vector<Value>& args) -> Result<Value> {
         return Value(js_escape(print_values(args)));
       }},
      {"urlquery",
       {Param::kAny},
       true,
       [](const Environment&, std::vector<Value>& args) -> Result<Value> {
         return Value(base::query_escape(print_values(args)));
       }},
      {"index", {Param::kReflect, Param::kReflect}, true, fn_index},
      {"slice", {Param::kReflect, Param::kReflect}, true, fn_slice},
      {"len", {Param::kReflect}, false, fn_len},
      {"print",
       {Param::kAny},
       true,
       [](const Environment&, std::vector<Value>& args) -> Result<Value> {
         return Value(sprint(args));
       }},
      {"println",
       {Param::kAny},
       true,
       [](const Environment&, std::vector<Value>& args) -> Result<Value> {
         return Value(sprintln(args));
       }},
      {"printf",
       {Param::kString, Param::kAny},
       true,
       [](const Environment&, std::vector<Value>& args) -> Result<Value> {
         return Value(sprintf(*args[0].as<std::string>(), std::span(args).subspan(1)));
       }},
  };
  return all;
}

}  // namespace

std::span<const FunctionDef> builtin_functions() {
  return rows();
}

}  // namespace silverback::rules::text_template
