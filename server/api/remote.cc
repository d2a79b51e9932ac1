#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "server/api/api.h"

namespace silverback::server::api {

using base::Result;
using base::Status;
using storage::remote::kWriteMessages;
using storage::remote::write_message_name;
using storage::remote::WriteMessage;
using storage::remote::WriteReply;

namespace {

std::string accepted_names(const Context& ctx) {
  std::string names;
  for (const WriteMessage message : ctx.accepted_messages) {
    names += (names.empty() ? "" : " ") + std::string(write_message_name(message));
  }
  return names;
}

Status unknown_type(std::string text) {
  return {base::Errc::kUnsupported, std::move(text)};
}

/// Which message a Content-Type names; 1.0 when it is missing or names none.
Result<WriteMessage> message_of(std::string_view content_type) {
  if (trim(content_type).empty()) return WriteMessage::kV1;
  const std::string_view media = trim(content_type.substr(0, content_type.find(';')));
  if (!base::iequals(media, "application/x-protobuf")) {
    return unknown_type(fmt::format(
        "expected application/x-protobuf as the first (media) part, got {} content-type",
        content_type));
  }
  std::string_view rest = content_type;
  while (rest.find(';') != std::string_view::npos) {
    rest.remove_prefix(rest.find(';') + 1);
    const std::string_view parameter = trim(rest.substr(0, rest.find(';')));
    const size_t equals = parameter.find('=');
    if (!base::iequals(parameter.substr(0, equals), "proto") || equals == std::string_view::npos)
      continue;
    std::string_view name = trim(parameter.substr(equals + 1));
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') {
      name = name.substr(1, name.size() - 2);
    }
    for (const WriteMessage message : kWriteMessages) {
      if (write_message_name(message) == name) return message;
    }
    return unknown_type(fmt::format("got {} content type; unknown remote write protobuf message {}",
                                    content_type, name));
  }
  return WriteMessage::kV1;
}

/// The message of a request that may be read; kUnsupported tells why not.
Result<WriteMessage> negotiate(const Context& ctx, const base::HttpHeaders& headers) {
  ASSIGN_OR_RETURN(const WriteMessage message, message_of(headers.get("Content-Type")));
  const auto& accepted = ctx.accepted_messages;
  if (std::find(accepted.begin(), accepted.end(), message) == accepted.end()) {
    return unknown_type(
        fmt::format("{} protobuf message is not accepted by this server; only accepts [{}]",
                    write_message_name(message), accepted_names(ctx)));
  }
  const std::string_view encoding = trim(headers.get("Content-Encoding"));
  if (encoding.empty() || base::iequals(encoding, "snappy")) return message;
  return unknown_type(fmt::format(
      "{} encoding (compression) is not accepted by this server; only snappy is acceptable",
      encoding));
}

/// What was written. Senders of 1.0 do not read it: to them Prometheus says zero.
void set_written(HttpResponse& response, WriteMessage message, const WriteReply& outcome) {
  const bool tell = message != WriteMessage::kV1;
  const auto set = [&](const char* kind, uint64_t n) {
    response.headers.set(fmt::format("X-Prometheus-Remote-Write-{}-Written", kind),
                         std::to_string(tell ? n : 0));
  };
  set("Samples", outcome.samples);
  set("Histograms", outcome.histograms);
  set("Exemplars", outcome.exemplars);
}

}  // namespace

void remote_write(Context& ctx, const HttpRequest& request, HttpReply reply) {
  if (ctx.receiver == nullptr) {
    reply(text_response(
        404, "remote write receiver needs to be enabled with --web.enable-remote-write-receiver"));
    return;
  }
  const Result<WriteMessage> message = negotiate(ctx, request.headers);
  if (!message) {
    reply(text_response(415, message.status().message()));
    return;
  }
  ctx.receiver->write(*message, request.body,
                      [reply = std::move(reply), message = *message](WriteReply outcome) mutable {
                        HttpResponse response;
                        if (outcome.http_status / 100 == 2) {
                          response.status = outcome.http_status;
                        } else {
                          response = text_response(outcome.http_status, std::move(outcome.error));
                        }
                        set_written(response, message, outcome);
                        reply(std::move(response));
                      });
}

}  // namespace silverback::server::api
