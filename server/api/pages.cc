#include <algorithm>

#include <fmt/format.h>

#include "base/go_float.h"
#include "server/api/routes.h"

namespace silverback::server::api {

namespace {

std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

std::string table_row(std::string_view name, std::string_view value) {
  return fmt::format("<tr><td><code>{}</code></td><td>{}</td></tr>\n", html_escape(name),
                     html_escape(value));
}

std::string value_text(const promql::Sample& sample) {
  return sample.h ? sample.h->to_string() : base::sample_value(sample.v);
}

std::string result_table(const promql::Value& value) {
  constexpr size_t kMaxRows = 1000;
  std::string out = "<table>\n";
  if (const auto* scalar = std::get_if<promql::Scalar>(&value)) {
    out += table_row("scalar", base::sample_value(scalar->v));
  } else if (const auto* text = std::get_if<promql::String>(&value)) {
    out += table_row("string", text->v);
  } else if (const auto* vector = std::get_if<promql::Vector>(&value)) {
    out += fmt::format("<caption>{} series{}</caption>", vector->size(),
                       vector->size() > kMaxRows ? ", the first 1000 are shown" : "");
    for (size_t i = 0; i < std::min(kMaxRows, vector->size()); ++i) {
      out += table_row((*vector)[i].labels.to_string(), value_text((*vector)[i]));
    }
  } else {
    const auto& matrix = std::get<promql::Matrix>(value);
    for (size_t i = 0; i < std::min(kMaxRows, matrix.size()); ++i) {
      std::string points;
      for (const promql::FloatPoint& point : matrix[i].floats) {
        points += fmt::format("{} @{:.3f}\n", base::sample_value(point.v),
                              static_cast<double>(point.t) / 1000);
      }
      out += table_row(matrix[i].labels.to_string(), points);
    }
  }
  return out + "</table>\n";
}

/// Text without a line end.
HttpResponse line_response(int status, std::string text) {
  HttpResponse response = text_response(status, std::move(text));
  response.body.pop_back();
  return response;
}

constexpr const char* kLinks[] = {"metrics",
                                  "api/v1/targets",
                                  "api/v1/rules",
                                  "api/v1/alerts",
                                  "api/v1/status/runtimeinfo",
                                  "api/v1/status/config",
                                  "api/v1/status/flags",
                                  "api/v1/status/tsdb"};

}  // namespace

void healthy(Context& /*ctx*/, const HttpRequest& /*request*/, HttpReply reply) {
  reply(text_response(200, "Prometheus Server is Healthy."));
}

void ready(Context& /*ctx*/, const HttpRequest& /*request*/, HttpReply reply) {
  reply(text_response(200, "Prometheus Server is Ready."));
}

void own_metrics(Context& ctx, const HttpRequest& request, HttpReply reply) {
  HttpResponse response;
  if (wants_openmetrics(request.headers.get("Accept"))) {
    response.headers.set("Content-Type",
                         "application/openmetrics-text; version=1.0.0; charset=utf-8; "
                         "escaping=underscores");
    response.body = ctx.registry->render_openmetrics();
  } else {
    response.headers.set("Content-Type",
                         "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
    response.body = ctx.registry->render_text();
  }
  reply(std::move(response));
}

void reload(Context& ctx, const HttpRequest& /*request*/, HttpReply reply) {
  if (!ctx.lifecycle_enabled) {
    reply(line_response(403, "Lifecycle API is not enabled."));
    return;
  }
  ctx.request_reload([reply = std::move(reply)](const base::Status& status) mutable {
    if (status.is_ok()) {
      reply(HttpResponse());
    } else {
      reply(text_response(500, "failed to reload config: " + status.message()));
    }
  });
}

void quit(Context& ctx, const HttpRequest& /*request*/, HttpReply reply) {
  if (!ctx.lifecycle_enabled) {
    reply(line_response(403, "Lifecycle API is not enabled."));
    return;
  }
  reply(text_response(200, "Requesting termination... Goodbye!"));
  ctx.request_quit();
}

void only_post(Context& /*ctx*/, const HttpRequest& /*request*/, HttpReply reply) {
  HttpResponse response = line_response(405, "Only POST or PUT requests allowed");
  response.headers.set("Allow", "POST, PUT");
  reply(std::move(response));
}

void redirect_home(Context& ctx, const HttpRequest& request, HttpReply reply) {
  HttpResponse response;
  response.status = 302;
  const bool keep = request.path == "/graph" && !request.query.empty();
  // Links are below the path that others see, which need not be that of our own routes.
  const size_t scheme = ctx.external_url.find("://");
  const size_t path = scheme == std::string::npos ? scheme : ctx.external_url.find('/', scheme + 3);
  std::string target = path == std::string::npos ? std::string() : ctx.external_url.substr(path);
  target += "/query";
  if (keep) target += "?" + request.query;
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.body = fmt::format("<a href=\"{}\">Found</a>.\n\n", html_escape(target));
  response.headers.set("Location", target);
  reply(std::move(response));
}

void query_page(Context& ctx, const HttpRequest& request, HttpReply reply) {
  base::Result<Params> params = Params::parse(request);
  if (!params) {
    reply(text_response(400, params.status().message()));
    return;
  }
  const std::string expr(params->get("g0.expr"));
  std::string body = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta "
      "charset=\"utf-8\"><title>{}</title></head>\n<body>\n"
      "<h1>{}</h1>\n<form action=\"{}/query\" method=\"get\">\n"
      "<label for=\"expr\">Expression</label> <input id=\"expr\" name=\"g0.expr\" size=\"100\" "
      "value=\"{}\">\n"
      "<button type=\"submit\">Execute</button>\n</form>\n",
      html_escape(ctx.page_title), html_escape(ctx.page_title), html_escape(ctx.route_prefix),
      html_escape(expr));
  if (!expr.empty()) {
    promql::QueryOptions options;
    options.stop = request.stop;
    options.origin = query_origin(request);
    const base::Result<promql::QueryResult> result =
        ctx.engine->instant(*ctx.queryable, expr, ctx.clock->now_ms(), options);
    if (!result) {
      body +=
          fmt::format("<p role=\"alert\">Error: {}</p>\n", html_escape(result.status().message()));
    } else {
      for (const std::string& warning : result->annotations.warnings()) {
        body += fmt::format("<p>Warning: {}</p>\n", html_escape(warning));
      }
      body += result_table(result->value);
    }
  }
  body += "<ul>\n";
  for (const char* link : kLinks) {
    body += fmt::format("<li><a href=\"{}/{}\">{}</a></li>\n", html_escape(ctx.route_prefix), link,
                        link);
  }
  body += "</ul>\n</body>\n</html>\n";
  HttpResponse response;
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.headers.set(
      "Content-Security-Policy",
      "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'");
  response.body = std::move(body);
  reply(std::move(response));
}

}  // namespace silverback::server::api
