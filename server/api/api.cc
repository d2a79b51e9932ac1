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

/// What goes behind `data`: notes, and the end of the envelope.
std::string envelope_end(const Answer& answer) {
  std::string notes;
  base::JsonWriter w(notes);
  w.begin_object();
  write_notes(w, answer);
  w.end_object();
  if (notes.size() <= 2) return "}";
  notes[0] = ',';  // goes on inside the envelope's object
  return notes;
}

/// The part of a large answer that did not go with its head.
class EnvelopeSource final : public BodySource {
 public:
  EnvelopeSource(std::unique_ptr<JsonPieces> pieces, std::string end)
      : pieces_(std::move(pieces)), end_(std::move(end)) {}

  Step next(std::string& chunk) override {
    if (pieces_->next(chunk, kPieceBytes)) return Step::kMore;
    chunk += end_;
    return Step::kEnd;
  }

 private:
  const std::unique_ptr<JsonPieces> pieces_;
  const std::string end_;
};

HttpResponse error_response(const Answer& answer) {
  HttpResponse response;
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
  response.headers.set("Content-Type", "application/json");
  return response;
}

}  // namespace

HttpResponse to_response(Answer answer) {
  if (!answer.status.is_ok()) return error_response(answer);
  HttpResponse response;
  if (answer.pieces) {
    response.body = kDataPrefix;
    if (answer.pieces->next(response.body, BodySource::kPieceBytes)) {
      response.source =
          std::make_unique<EnvelopeSource>(std::move(answer.pieces), envelope_end(answer));
    } else {
      response.body += envelope_end(answer);
    }
  } else if (answer.data) {
    response.body = std::move(*answer.data);
    response.body += envelope_end(answer);
  } else {
    response.status = 204;
    return response;
  }
  response.headers.set("Content-Type", "application/json");
  return response;
}

}  // namespace silverback::server::api
