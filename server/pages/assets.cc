#include "server/pages/assets.h"

#include <fmt/format.h>

#include "base/crc32c.h"
#include "server/pages/html_writer.h"
#include "server/pages/pages.h"

namespace silverback::server::pages {

namespace {

constexpr std::string_view kFavicon =
    R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">)"
    R"(<rect width="32" height="32" rx="7" fill="#3b5b7a"/>)"
    R"(<path d="M5 23 L11 14 L16 19 L21 8 L27 17" fill="none" stroke="#fff" stroke-width="3" )"
    R"(stroke-linecap="round" stroke-linejoin="round"/></svg>)";

HttpResponse asset(std::string_view type, std::string_view content) {
  HttpResponse response;
  response.headers.set("Content-Type", std::string(type));
  response.headers.set("Cache-Control", "public, max-age=31536000, immutable");
  response.body = std::string(content);
  return response;
}

}  // namespace

std::string_view stylesheet_version() {
  static const std::string version = fmt::format("{:08x}", base::crc32c(stylesheet_text()));
  return version;
}

void stylesheet(api::Context& /*ctx*/, const HttpRequest& /*request*/, HttpReply reply) {
  reply(asset("text/css; charset=utf-8", stylesheet_text()));
}

void favicon(api::Context& /*ctx*/, const HttpRequest& /*request*/, HttpReply reply) {
  reply(asset("image/svg+xml", kFavicon));
}

void home(api::Context& ctx, const HttpRequest& request, HttpReply reply) {
  HttpResponse response;
  response.status = 302;
  // Links to the graph of earlier releases keep their panels.
  const bool keep = request.path.ends_with("/graph") && !request.query.empty();
  const std::string target =
      ctx.browser_path.value_or(ctx.route_prefix) + "/query" + (keep ? "?" + request.query : "");
  HtmlWriter w;
  w.link(target, "Found");
  w.text(".\n\n");
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.body = w.take();
  response.headers.set("Location", target);
  reply(std::move(response));
}

}  // namespace silverback::server::pages
