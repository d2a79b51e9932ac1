#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/url.h"
#include "base/utf8.h"
#include "server/api/name_escaping.h"
#include "server/api/params.h"

namespace {

namespace api = silverback::server::api;
namespace base = silverback::base;

void expect(bool right, const char* what, std::string_view input) {
  if (right) return;
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(input.size()), input.data());
  std::abort();
}

/// What was decoded is encoded and decoded again: nothing may change.
void check_form(std::string_view text) {
  const base::Result<base::FormValues> values = base::parse_form(text);
  if (!values) return;
  std::string encoded;
  for (const auto& [key, value] : *values) {
    if (!encoded.empty()) encoded += '&';
    encoded += base::query_escape(key) + '=' + base::query_escape(value);
  }
  const base::Result<base::FormValues> again = base::parse_form(encoded);
  expect(again.is_ok() && *again == *values, "form changes", text);
}

void check_escapes(std::string_view text) {
  const base::Result<std::string> query = base::unescape(base::query_escape(text), true);
  expect(query.is_ok() && *query == text, "query escape", text);
  const base::Result<std::string> path = base::unescape(base::path_escape(text), false);
  expect(path.is_ok() && *path == text, "path escape", text);
  base::unescape(text, true).status().permit_unchecked("only must not crash");
  if (base::is_valid_utf8(text)) {
    // A name that already has the prefix stays as it is, and is decoded all the same.
    const std::string name = api::escape_name(text, api::NameEscaping::kValues);
    if (name != text) expect(api::unescape_label_name(name) == text, "name escape", text);
  }
  for (const auto escaping : {api::NameEscaping::kUnderscores, api::NameEscaping::kDots}) {
    api::escape_name(text, escaping);
  }
  api::unescape_label_name(text);
}

void check_url(std::string_view text) {
  const base::Result<base::Url> url = base::parse_url(text);
  if (!url) return;
  const std::string printed = url->to_string();
  const base::Result<base::Url> again = base::parse_url(printed);
  expect(again.is_ok() && again->to_string() == printed, "URL changes", text);
  expect(!url->target().empty() && url->target()[0] == '/', "target", text);
}

/// The first line is the URL's query, the rest the body of a form.
void check_params(std::string_view text) {
  silverback::server::HttpRequest request;
  request.method = "POST";
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  const size_t line = text.find('\n');
  request.query = std::string(text.substr(0, line));
  if (line != std::string_view::npos) request.body = std::string(text.substr(line + 1));
  const base::Result<api::Params> params = api::Params::parse(request);
  if (!params) return;
  api::limit_param(*params).status().permit_unchecked("only must not crash");
  api::timeout_param(*params).status().permit_unchecked("only must not crash");
  api::time_param(*params, "time", 0).status().permit_unchecked("only must not crash");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_form(text);
  check_escapes(text);
  check_url(text);
  check_params(text);
  api::parse_time(text).status().permit_unchecked("only must not crash");
  api::parse_duration(text).status().permit_unchecked("only must not crash");
  api::parse_int(text).status().permit_unchecked("only must not crash");
  api::parse_bool(text).status().permit_unchecked("only must not crash");
  return 0;
}
