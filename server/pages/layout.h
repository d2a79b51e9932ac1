#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "model/labels.h"
#include "server/api/api.h"
#include "server/http_message.h"
#include "server/pages/html_writer.h"

namespace silverback::server::pages {

/// What one page shows.
struct Page {
  std::string_view path;   // "query": marks the entry of the navigation
  std::string_view title;  // "Targets"
  int status = 200;
};

/// The whole document: head, navigation, and what `body` writes into <main>. Links are relative, so
/// that they hold under every prefix.
HttpResponse render_page(const api::Context& ctx, const Page& page,
                         const std::function<void(HtmlWriter&)>& body);

/// Answers with the "starting up" or "shutting down" page unless the server is ready. True: it did.
bool not_ready(const api::Context& ctx, HttpReply& reply);

// Parts that several pages have.
void write_labels(HtmlWriter& w, const model::Labels& labels);
/// A coloured word: kind is "good", "bad", "warn" or "plain".
void write_badge(HtmlWriter& w, std::string_view kind, std::string_view text);
void write_note(HtmlWriter& w, std::string_view kind, std::string_view text);
/// Two columns, name and value.
void write_fact(HtmlWriter& w, std::string_view name, std::string_view value);
void write_search(HtmlWriter& w, std::string_view label, const std::string& value);
/// "query?g0.expr=...": the query page with an expression.
std::string query_link(std::string_view expr);
/// A link when the text is an http(s) URL, else plain text.
void write_url(HtmlWriter& w, const std::string& url);

/// "2024-05-01 12:00:00" in UTC; "" for 0.
std::string time_text(int64_t ms);
/// "3.2s ago"; "never" for 0.
std::string ago_text(int64_t now_ms, int64_t then_ms);
/// "1.3ms", "2.51s".
std::string seconds_text(double seconds);
/// Whether `text` holds `wanted`, letters compared without case.
bool contains(std::string_view text, std::string_view wanted);

}  // namespace silverback::server::pages
