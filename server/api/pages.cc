#include "server/api/routes.h"

namespace silverback::server::api {

namespace {

/// Text without a line end.
HttpResponse line_response(int status, std::string text) {
  HttpResponse response = text_response(status, std::move(text));
  response.body.pop_back();
  return response;
}

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

}  // namespace silverback::server::api
