#include <fmt/format.h>

#include "server/api/api.h"

namespace silverback::server::api {

namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

/// "" when the message is remote write 1.0, else why it is not taken. No Content-Type means 1.0.
std::string refuse_content_type(std::string_view content_type) {
  if (trim(content_type).empty()) return {};
  const std::string_view media = trim(content_type.substr(0, content_type.find(';')));
  if (!base::iequals(media, "application/x-protobuf")) {
    return fmt::format(
        "expected application/x-protobuf as the first (media) part, got {} content-type",
        content_type);
  }
  std::string_view rest = content_type;
  while (rest.find(';') != std::string_view::npos) {
    rest.remove_prefix(rest.find(';') + 1);
    const std::string_view parameter = trim(rest.substr(0, rest.find(';')));
    const size_t equals = parameter.find('=');
    if (!base::iequals(parameter.substr(0, equals), "proto") || equals == std::string_view::npos)
      continue;
    std::string_view message = trim(parameter.substr(equals + 1));
    if (message.size() >= 2 && message.front() == '"' && message.back() == '"') {
      message = message.substr(1, message.size() - 2);
    }
    if (message == "prometheus.WriteRequest") continue;
    return fmt::format(
        "{} protobuf message is not accepted by this server; only accepts "
        "[prometheus.WriteRequest]",
        message);
  }
  return {};
}

}  // namespace

void remote_write(Context& ctx, const HttpRequest& request, HttpReply reply) {
  if (ctx.receiver == nullptr) {
    reply(text_response(
        404, "remote write receiver needs to be enabled with --web.enable-remote-write-receiver"));
    return;
  }
  const std::string refusal = refuse_content_type(request.headers.get("Content-Type"));
  if (!refusal.empty()) {
    reply(text_response(415, refusal));
    return;
  }
  const std::string_view encoding = trim(request.headers.get("Content-Encoding"));
  if (!encoding.empty() && !base::iequals(encoding, "snappy")) {
    reply(text_response(
        415,
        fmt::format(
            "{} encoding (compression) is not accepted by this server; only snappy is acceptable",
            encoding)));
    return;
  }
  ctx.receiver->write(
      request.body, [reply = std::move(reply)](storage::remote::WriteReply outcome) mutable {
        HttpResponse response;
        if (outcome.http_status / 100 == 2) {
          response.status = outcome.http_status;
        } else {
          response = text_response(outcome.http_status, std::move(outcome.error));
        }
        // For 1.0 messages Prometheus sends these as zero: their senders do not read them.
        for (const char* kind : {"Samples", "Histograms", "Exemplars"}) {
          response.headers.set(fmt::format("X-Prometheus-Remote-Write-{}-Written", kind), "0");
        }
        reply(std::move(response));
      });
}

}  // namespace silverback::server::api
