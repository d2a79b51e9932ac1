#pragma once

#include "server/api/api.h"
#include "server/http_message.h"

namespace silverback::server::pages {

// The pages for people: plain HTML, no script. One handler a row of api/routes.cc; before storage
// is open they answer 503 with a page that says so. Threads: the row's lane, several at a time.
void home(api::Context& ctx, const HttpRequest& request, HttpReply reply);
void query(api::Context& ctx, const HttpRequest& request, HttpReply reply);
void targets(api::Context& ctx, const HttpRequest& request, HttpReply reply);
void service_discovery(api::Context& ctx, const HttpRequest& request, HttpReply reply);
void alerts(api::Context& ctx, const HttpRequest& request, HttpReply reply);
void rules(api::Context& ctx, const HttpRequest& request, HttpReply reply);
void config(api::Context& ctx, const HttpRequest& request, HttpReply reply);
void flags(api::Context& ctx, const HttpRequest& request, HttpReply reply);
void status(api::Context& ctx, const HttpRequest& request, HttpReply reply);
void tsdb_status(api::Context& ctx, const HttpRequest& request, HttpReply reply);
void alertmanager_discovery(api::Context& ctx, const HttpRequest& request, HttpReply reply);
void stylesheet(api::Context& ctx, const HttpRequest& request, HttpReply reply);
void favicon(api::Context& ctx, const HttpRequest& request, HttpReply reply);

}  // namespace silverback::server::pages
