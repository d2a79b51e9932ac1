#include <cmath>

#include "base/duration.h"
#include "base/go_float.h"
#include "base/yaml.h"
#include "base/yaml_scalar.h"

namespace silverback::base {
namespace {

constexpr size_t kIndent = 2;

}  // namespace

void YamlWriter::indent() {
  if (!item_start_) out_.append(depth_ * kIndent, ' ');
  item_start_ = false;
}

void YamlWriter::key(std::string_view key) {
  indent();
  scalar(key);
  out_ += ':';
}

void YamlWriter::scalar(std::string_view text) {
  out_ += quote_yaml_scalar(text, (depth_ + 1) * kIndent);
}

void YamlWriter::key_value(std::string_view k, std::string_view value) {
  key(k);
  out_ += ' ';
  scalar(value);
  out_ += '\n';
}

void YamlWriter::key_value(std::string_view k, bool value) {
  key(k);
  out_ += value ? " true\n" : " false\n";
}

void YamlWriter::key_value(std::string_view k, int64_t value) {
  key(k);
  out_ += ' ' + std::to_string(value) + '\n';
}

void YamlWriter::key_value(std::string_view k, uint64_t value) {
  key(k);
  out_ += ' ' + std::to_string(value) + '\n';
}

void YamlWriter::key_value(std::string_view k, double value) {
  key(k);
  if (std::isfinite(value)) {
    out_ += ' ' + go_g(value) + '\n';
  } else {
    out_ += std::isnan(value) ? " .nan\n" : value > 0 ? " .inf\n" : " -.inf\n";
  }
}

void YamlWriter::key_value(std::string_view k, const Secret& value) {
  if (!value.empty()) key_value(k, std::string_view(kSecretMask));
}

void YamlWriter::key_duration(std::string_view k, int64_t ms) {
  key_value(k, std::string_view(format_duration(ms)));
}

void YamlWriter::key_bytes(std::string_view k, uint64_t bytes) {
  key_value(k, std::string_view(format_byte_size(bytes)));
}

void YamlWriter::key_list(std::string_view k, const std::vector<std::string>& values) {
  if (values.empty()) return;
  begin_list(k);
  for (const std::string& value : values) item(value);
  end_list();
}

void YamlWriter::key_flow_list(std::string_view k, const std::vector<std::string>& values) {
  if (values.empty()) return;
  key(k);
  out_ += " [";
  for (const std::string& value : values) {
    if (&value != &values.front()) out_ += ", ";
    out_ += quote_yaml_flow_scalar(value);
  }
  out_ += "]\n";
}

void YamlWriter::open(std::string_view k) {
  key(k);
  out_ += '\n';
  opened_.push_back(out_.size());
}

void YamlWriter::close(const char* when_empty) {
  if (out_.size() == opened_.back()) {
    out_.pop_back();
    out_ += when_empty;
  }
  opened_.pop_back();
}

void YamlWriter::begin_map(std::string_view k) {
  open(k);
  ++depth_;
}

void YamlWriter::end_map() {
  --depth_;
  close(" {}\n");
}

// As Go writes them: the dashes stand below the key, not indented.
void YamlWriter::begin_list(std::string_view k) {
  open(k);
}

void YamlWriter::end_list() {
  close(" []\n");
}

void YamlWriter::begin_item() {
  indent();
  out_ += "- ";
  ++depth_;
  item_start_ = true;
}

void YamlWriter::end_item() {
  --depth_;
  if (item_start_) out_ += "{}\n";
  item_start_ = false;
}

void YamlWriter::item(std::string_view text) {
  indent();
  out_ += "- ";
  scalar(text);
  out_ += '\n';
}

}  // namespace silverback::base
