#include "server/api/routes.h"
#include "storage/remote/read_server.h"

namespace silverback::server::api {

namespace {

using storage::remote::ReadServer;

class ReadBody final : public BodySource {
 public:
  explicit ReadBody(std::unique_ptr<ReadServer::Stream> stream) : stream_(std::move(stream)) {}
  Step next(std::string& chunk) override {
    const base::Result<bool> more = stream_->next(chunk, kPieceBytes);
    if (!more) return Step::kFailed;
    return *more ? Step::kMore : Step::kEnd;
  }

 private:
  const std::unique_ptr<ReadServer::Stream> stream_;
};

}  // namespace

void remote_read(Context& ctx, const HttpRequest& request, HttpReply reply) {
  std::shared_ptr<void> turn = ctx.reader->enter();
  if (turn == nullptr) {
    reply(text_response(503,
                        "too many remote reads are running; see "
                        "--storage.remote.read-concurrent-limit"));
    return;
  }
  const model::Labels external = ctx.config()->external_labels;
  base::Result<storage::remote::ReadRequest> wanted =
      storage::remote::decode_read_request(request.body, external);
  if (!wanted) {
    reply(text_response(400, wanted.status().message()));
    return;
  }
  HttpResponse response;
  if (wanted->streamed) {
    response.headers.set("Content-Type",
                         "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
    response.source = std::make_unique<ReadBody>(std::make_unique<ReadServer::Stream>(
        *ctx.reader, std::move(*wanted), external, request.stop, std::move(turn)));
    reply(std::move(response));
    return;
  }
  base::Result<std::string> body = ctx.reader->samples(*wanted, external, request.stop);
  if (!body) {
    const bool refused = body.status().code() == base::Errc::kBadData;
    reply(text_response(refused ? 400 : 500, body.status().message()));
    return;
  }
  response.headers.set("Content-Type", "application/x-protobuf");
  response.headers.set("Content-Encoding", "snappy");
  response.body = std::move(*body);
  reply(std::move(response));
}

}  // namespace silverback::server::api
