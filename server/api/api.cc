#include "server/api/api.h"

#include "base/json_writer.h"
#include "server/api/render.h"

namespace silverback::server::api {

namespace {

struct ErrorKind {
  const char* type;
  int http_status;
};

ErrorKind error_kind(base::Errc code) {
  switch (code) {
    case base::Errc::kBadData: return {"bad_data", 400};
    case base::Errc::kNotFound: return {"not_found", 404};
    case base::Errc::kTimeout: return {"timeout", 503};
    case base::Errc::kCanceled: return {"canceled", 499};
    case base::Errc::kUnavailable: return {"unavailable", 500};
    case base::Errc::kExecution:
    case base::Errc::kLimit:
    case base::Errc::kUnsupported: return {"execution", 422};
    default: return {"internal", 500};
  }
}

void write_notes(base::JsonWriter& w, const Answer& answer) {
  if (!answer.warnings.empty()) {
    w.key("warnings");
    write_strings(w, answer.warnings);
  }
  if (!answer.infos.empty()) {
    w.key("infos");
    write_strings(w, answer.infos);
  }
}

}  // namespace

HttpResponse to_response(Answer answer) {
  HttpResponse response;
  if (!answer.status.is_ok()) {
    const ErrorKind kind = error_kind(answer.status.code());
    response.status = kind.http_status;
    base::JsonWriter w(response.body);
    w.begin_object();
    w.key("status");
    w.string("error");
    w.key("errorType");
    w.string(kind.type);
    w.key("error");
    w.string(answer.status.message());
    write_notes(w, answer);
    w.end_object();
  } else if (!answer.data) {
    response.status = 204;
    return response;
  } else {
    response.body = std::move(*answer.data);
    std::string notes;
    base::JsonWriter w(notes);
    w.begin_object();
    write_notes(w, answer);
    w.end_object();
    if (notes.size() > 2)
      notes[0] = ',';  // goes on inside the envelope's object
    else
      notes = std::string("}");
    response.body += notes;
  }
  response.headers.set("Content-Type", "application/json");
  return response;
}

}  // namespace silverback::server::api
