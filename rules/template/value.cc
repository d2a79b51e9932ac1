#include "rules/template/value.h"

namespace silverback::rules::text_template {

namespace {

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

std::string Value::type_name() const {
  return std::visit(
      Overloaded{
          [](std::monostate) { return std::string("<nil>"); },
          [](bool) { return std::string("bool"); },
          [](const Integer& i) { return std::string(i.type); },
          [](double) { return std::string("float64"); },
          [](const std::string&) { return std::string("string"); },
          [](const Html&) { return std::string("template.HTML"); },
          [](const Time&) { return std::string("*time.Time"); },
          [](const Duration&) { return std::string("*time.Duration"); },
          [](const StringMapPtr&) { return std::string("map[string]string"); },
          [](const AnyMapPtr&) { return std::string("map[string]interface {}"); },
          [](const SampleList&) { return std::string("template.queryResult"); },
          [](const SamplePtr&) { return std::string("*template.sample"); },
          [](const HistogramPtr&) { return std::string("*histogram.FloatHistogram"); },
          [](const AlertDataPtr&) {
            return std::string(
                "struct { Labels map[string]string; ExternalLabels map[string]string; "
                "ExternalURL string; Value interface {} }");
          },
      },
      state_);
}

bool Value::truth() const {
  return std::visit(Overloaded{
                        [](std::monostate) { return false; },
                        [](bool b) { return b; },
                        [](const Integer& i) { return i.v != 0; },
                        [](double d) { return d != 0; },
                        [](const std::string& s) { return !s.empty(); },
                        [](const Html& h) { return !h.text.empty(); },
                        [](const Time&) { return true; },
                        [](const Duration&) { return true; },
                        [](const StringMapPtr& m) { return m != nullptr && !m->empty(); },
                        [](const AnyMapPtr& m) { return m != nullptr && !m->empty(); },
                        [](const SampleList& l) { return l != nullptr && !l->empty(); },
                        [](const SamplePtr& s) { return s != nullptr; },
                        [](const HistogramPtr& h) { return h != nullptr; },
                        [](const AlertDataPtr&) { return true; },
                    },
                    state_);
}

int64_t Value::length() const {
  const auto size_of = [](const auto& p) { return p ? static_cast<int64_t>(p->size()) : 0; };
  if (const auto* s = as<std::string>()) return static_cast<int64_t>(s->size());
  if (const auto* h = as<Html>()) return static_cast<int64_t>(h->text.size());
  if (const auto* m = as<StringMapPtr>()) return size_of(*m);
  if (const auto* m = as<AnyMapPtr>()) return size_of(*m);
  if (const auto* l = as<SampleList>()) return size_of(*l);
  return -1;
}

}  // namespace silverback::rules::text_template
