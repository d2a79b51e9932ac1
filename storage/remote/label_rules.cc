#include "storage/remote/label_rules.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/utf8.h"

namespace silverback::storage::remote {
namespace {

using base::Errc;
using base::Status;

constexpr size_t kShownBytes = 64;
constexpr size_t kShownLabels = 16;
constexpr size_t kMaxLengthBytes = 3;  // of a length in bytes up to kMaxLabelValueBytes

std::string quoted(std::string_view s) {
  const std::string text = model::go_quote(s.substr(0, kShownBytes));
  return s.size() > kShownBytes ? text + "..." : text;
}

Status bad(std::string message) {
  return {Errc::kBadData, std::move(message)};
}

Status too_long(std::string_view what, std::string_view name, size_t bytes, size_t limit) {
  return bad("label " + std::string(what) + " of " + quoted(name) + " has " +
             std::to_string(bytes) + " bytes, the limit is " + std::to_string(limit));
}

Status check_sizes(const std::vector<model::Label>& labels) {
  if (labels.size() > kMaxLabels) return too_many_labels(labels.size());
  for (const model::Label& label : labels) {
    if (label.name.empty()) return bad("label name is empty");
    if (label.name.size() > kMaxLabelNameBytes) {
      return too_long("name", label.name, label.name.size(), kMaxLabelNameBytes);
    }
    if (label.value.size() > kMaxLabelValueBytes) {
      return too_long("value", label.name, label.value.size(), kMaxLabelValueBytes);
    }
  }
  return Status::ok();
}

Status check_utf8(const std::vector<model::Label>& labels) {
  for (const model::Label& label : labels) {
    if (!base::is_valid_utf8(label.name)) {
      return bad("label name " + quoted(label.name) + " is not valid UTF-8");
    }
    if (!base::is_valid_utf8(label.value)) {
      return bad("label value of " + quoted(label.name) + " is not valid UTF-8");
    }
  }
  return Status::ok();
}

bool all_ascii(std::string_view s) {
  unsigned char seen = 0;
  for (const char c : s) seen |= static_cast<unsigned char>(c);  // vectorised
  return seen < 0x80;
}

bool by_name(const model::Label& a, const model::Label& b) {
  return a.name < b.name;
}

char* put_string(char* at, std::string_view s) {
  size_t n = s.size();
  for (; n >= 0x80; n >>= 7) *at++ = static_cast<char>(n | 0x80);
  *at++ = static_cast<char>(n);
  std::memcpy(at, s.data(), s.size());
  return at + s.size();
}

}  // namespace

Status too_many_labels(size_t labels) {
  return bad(std::to_string(labels) + " labels, the limit is " + std::to_string(kMaxLabels));
}

Status encode_labels(std::vector<model::Label>& labels, std::string& bytes) {
  RETURN_IF_ERROR(check_sizes(labels));
  bool sorted = true, whole = true;
  size_t most = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    sorted &= i == 0 || labels[i - 1].name < labels[i].name;
    most += labels[i].name.size() + labels[i].value.size() + 2 * kMaxLengthBytes;
  }
  if (!sorted) {
    std::sort(labels.begin(), labels.end(), by_name);
    for (size_t i = 1; i < labels.size(); ++i) {
      if (labels[i].name != labels[i - 1].name) continue;
      return bad("label name " + quoted(labels[i].name) + " is not unique");
    }
  }
  bytes.resize(most);
  char* at = bytes.data();
  for (const model::Label& label : labels) {
    if (label.value.empty()) {
      whole = false;
      continue;
    }
    at = put_string(put_string(at, label.name), label.value);
  }
  bytes.resize(static_cast<size_t>(at - bytes.data()));
  // Lengths below 128 are ASCII too: one pass over the whole settles nearly every series.
  return whole && all_ascii(bytes) ? Status::ok() : check_utf8(labels);
}

Status encode_series_labels(std::vector<model::Label>& labels, std::string& bytes) {
  RETURN_IF_ERROR(encode_labels(labels, bytes));
  for (const model::Label& label : labels) {
    if (label.name == model::kMetricName && !label.value.empty()) return Status::ok();
  }
  return bad("metric name is missing");
}

std::string describe_labels(const std::vector<model::Label>& labels) {
  std::string out = "{";
  for (size_t i = 0; i < labels.size(); ++i) {
    if (i > 0) out += ", ";
    if (i == kShownLabels) {
      out += "...";
      break;
    }
    out += quoted(labels[i].name) + "=" + quoted(labels[i].value);
  }
  return out + "}";
}

}  // namespace silverback::storage::remote
