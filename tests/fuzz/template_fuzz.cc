// Alert templates: any text parses or is refused, and what parses runs within its bounds.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "rules/template/exec.h"
#include "rules/template/parser.h"

namespace tt = silverback::rules::text_template;
namespace base = silverback::base;
namespace promql = silverback::promql;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto tree = tt::parse("fuzz",
                              "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"
                              "{{$externalURL := .ExternalURL}}{{$value := .Value}}" +
                                  text);
  if (!tree.is_ok()) return 0;
  tt::Environment env;
  env.now_ms = 1'700'000'000'000;
  env.external_url = "http://prom/x";
  env.query = [](const std::string& query) -> base::Result<promql::Vector> {
    if (query.size() % 3 == 0) return promql::Vector{};
    promql::Sample sample;
    sample.labels = silverback::model::Labels::from({{"instance", "a:1"}, {"job", query}});
    sample.v = static_cast<double>(query.size());
    return promql::Vector{sample, sample};
  };
  tt::AlertData dot;
  dot.labels = std::make_shared<tt::StringMap>(tt::StringMap{{"instance", "h:1"}, {"job", "j"}});
  dot.external_labels = std::make_shared<tt::StringMap>();
  dot.external_url = env.external_url;
  dot.value = tt::Value(1.5);
  const tt::Limits limits{1 << 16, 10'000, 100};
  const tt::Value value(std::make_shared<const tt::AlertData>(dot));
  const auto result = tt::execute(**tree, value, env, limits);
  if (result.is_ok() && result->size() > limits.output_bytes) __builtin_trap();
  return 0;
}
