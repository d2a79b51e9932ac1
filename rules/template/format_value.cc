#include "rules/template/format_value.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

#include "model/labels.h"
#include "rules/template/rune.h"

namespace silverback::rules::text_template {

namespace {

std::string_view first_runes(std::string_view s, int n) {
  size_t i = 0;
  for (int count = 0; count < n && i < s.size(); ++count) {
    size_t length = 0;
    decode_rune(s.substr(i), length);
    i += length;
  }
  return s.substr(0, i);
}

std::string rune_text(int64_t v) {
  std::string text;
  append_rune(text, v < 0 || v > 0x10ffff ? 0xfffd : static_cast<char32_t>(v));
  return text;
}

std::string quote_rune(int64_t v) {
  const std::string text = rune_text(v);
  if (text == "'") return "'\\''";
  if (text == "\"") return "'\"'";
  std::string quoted = model::go_quote(text);
  quoted.front() = quoted.back() = '\'';
  return quoted;
}

/// Characters beyond ASCII as \u escapes, for %+q.
std::string ascii_only(std::string_view s) {
  std::string out;
  for (size_t i = 0; i < s.size();) {
    size_t length = 0;
    const char32_t r = decode_rune(s.substr(i), length);
    i += length;
    char buf[16];
    if (r < 0x80) {
      out += static_cast<char>(r);
      continue;
    }
    std::snprintf(buf, sizeof buf, r > 0xffff ? "\\U%08x" : "\\u%04x", static_cast<unsigned>(r));
    out += buf;
  }
  return out;
}

std::string unicode_name(int64_t v, bool with_char) {
  char buf[24];
  std::snprintf(buf, sizeof buf, "U+%04llX", static_cast<unsigned long long>(v));
  return with_char ? std::string(buf) + " '" + rune_text(v) + "'" : buf;
}

std::string hex_string(std::string_view s, bool upper, const FormatSpec& spec) {
  if (spec.precision) s = s.substr(0, static_cast<size_t>(*spec.precision));
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  const char* prefix = upper ? "0X" : "0x";
  std::string out;
  if (spec.sharp && !s.empty()) out += prefix;
  for (size_t i = 0; i < s.size(); ++i) {
    if (spec.space && i > 0) {
      out += ' ';
      if (spec.sharp) out += prefix;
    }
    const auto byte = static_cast<unsigned char>(s[i]);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

/// Prints one operand. `depth` counts the containers around it: a pointer inside one is not
/// followed in Go but printed as an address; here its content is printed.
class Printer {
 public:
  Printer(std::string& out, char verb, const FormatSpec& spec)
      : out_(out), verb_(verb), spec_(spec) {}

  void print(const Value& value, int depth) {
    if (verb_ == 'T') return put_string(value.type_name(), 's');
    if (value.is_nil()) return nil();
    if (const auto* b = value.as<bool>()) return boolean(*b, value);
    if (const auto* i = value.as<Integer>()) return integer(*i, value);
    if (const auto* d = value.as<double>()) return floating(*d, value);
    if (const auto* s = value.as<std::string>()) return string(*s, value);
    if (const auto* h = value.as<Html>()) return string(h->text, value);
    if (const auto* t = value.as<Time>()) return stringer(time_text(*t), t->ns, value);
    if (const auto* d = value.as<Duration>()) return stringer(duration_text(*d), d->ns, value);
    if (const auto* h = value.as<Value::HistogramPtr>()) {
      return *h ? stringer((*h)->to_string(), std::nullopt, value) : nil();
    }
    container(value, depth);
  }

 private:
  void put(std::string text) { out_ += pad(std::move(text), spec_, spec_.zero); }

  void nil() {
    if (verb_ == 'v') return put("<nil>");
    out_ += std::string("%!") + verb_ + "(<nil>)";
  }

  void bad_verb(const Value& value) {
    out_ += std::string("%!") + verb_ + "(" + value.type_name() + "=";
    Printer(out_, 'v', {}).print(value, 0);
    out_ += ')';
  }

  void boolean(bool b, const Value& value) {
    if (verb_ != 't' && verb_ != 'v') return bad_verb(value);
    put(b ? "true" : "false");
  }

  void integer(const Integer& i, const Value& value) {
    if (i.text != nullptr && (verb_ == 'v' || verb_ == 's' || verb_ == 'q')) {
      return put_string(i.text, verb_);
    }
    switch (verb_) {
      case 'v': out_ += format_integer(i.v, 'd', spec_); return;
      case 'd':
      case 'b':
      case 'o':
      case 'O':
      case 'x':
      case 'X': out_ += format_integer(i.v, verb_, spec_); return;
      case 'c': return put(rune_text(i.v));
      case 'q': return put(quote_rune(i.v));
      case 'U': return put(unicode_name(i.v, spec_.sharp));
      default: return bad_verb(value);
    }
  }

  void floating(double d, const Value& value) {
    static constexpr std::string_view kVerbs = "vbgGxXfFeE";
    if (kVerbs.find(verb_) == std::string_view::npos) return bad_verb(value);
    out_ += format_float(d, verb_, spec_);
  }

  void put_string(std::string_view s, char verb) {
    switch (verb) {
      case 'x':
      case 'X': return put(hex_string(s, verb == 'X', spec_));
      default: break;
    }
    if (spec_.precision) s = first_runes(s, *spec_.precision);
    if (verb != 'q') return put(std::string(s));
    const bool raw = spec_.sharp && s.find_first_of("`\n\r") == std::string_view::npos;
    if (raw) return put("`" + std::string(s) + "`");
    put(spec_.plus ? ascii_only(model::go_quote(s)) : model::go_quote(s));
  }

  void string(const std::string& s, const Value& value) {
    if (verb_ == 'v') return put_string(s, spec_.sharp ? 'q' : 's');
    static constexpr std::string_view kVerbs = "sxXq";
    if (kVerbs.find(verb_) == std::string_view::npos) return bad_verb(value);
    put_string(s, verb_);
  }

  void stringer(const std::string& text, std::optional<int64_t> number, const Value& value) {
    static constexpr std::string_view kVerbs = "vsxXq";
    if (kVerbs.find(verb_) != std::string_view::npos) {
      return put_string(text, verb_ == 'v' ? 's' : verb_);
    }
    if (number && verb_ == 'd') {
      out_ += format_integer(*number, 'd', spec_);
      return;
    }
    bad_verb(value);
  }

  void element(const Value& value, int depth) { Printer(out_, verb_, spec_).print(value, depth); }

  template <typename Map>
  void map(const Map* m, int depth) {
    out_ += "map[";
    if (m != nullptr) {
      bool first = true;
      for (const auto& [key, value] : *m) {
        if (!first) out_ += ' ';
        first = false;
        element(Value(key), depth + 1);
        out_ += ':';
        element(Value(value), depth + 1);
      }
    }
    out_ += ']';
  }

  void container(const Value& value, int depth) {
    if (const auto* m = value.as<Value::StringMapPtr>()) return map(m->get(), depth);
    if (const auto* m = value.as<Value::AnyMapPtr>()) return map(m->get(), depth);
    if (const auto* list = value.as<Value::SampleList>()) {
      out_ += '[';
      for (size_t i = 0; *list && i < (*list)->size(); ++i) {
        if (i > 0) out_ += ' ';
        element(Value((**list)[i]), depth + 1);
      }
      out_ += ']';
      return;
    }
    if (const auto* sample = value.as<Value::SamplePtr>()) {
      if (!*sample) return nil();
      out_ += "&{";
      element(Value((*sample)->labels), depth + 1);
      out_ += ' ';
      element((*sample)->value, depth + 1);
      out_ += '}';
      return;
    }
    const auto& data = *value.as<Value::AlertDataPtr>();
    out_ += '{';
    element(Value(data->labels), depth + 1);
    out_ += ' ';
    element(Value(data->external_labels), depth + 1);
    out_ += ' ';
    element(Value(data->external_url), depth + 1);
    out_ += ' ';
    element(data->value, depth + 1);
    out_ += '}';
  }

  std::string& out_;
  const char verb_;
  const FormatSpec spec_;
};

}  // namespace

void format_value(std::string& out, const Value& value, char verb, const FormatSpec& spec) {
  Printer(out, verb, spec).print(value, 0);
}

}  // namespace silverback::rules::text_template
