# syntax=docker/dockerfile:1
FROM debian:12 AS build
WORKDIR /src
COPY . .
RUN ./dev build && strip build/release/silverback

FROM debian:12-slim
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends \
      librocksdb7.8 libsnappy1v5 libfmt9 libyaml-cpp0.7 libre2-9 libssl3 zlib1g libxxhash0 \
      libjemalloc2 libcrypt1 ca-certificates tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /etc/prometheus /prometheus \
 && chown 65534:65534 /prometheus
COPY --from=build /src/build/release/silverback /bin/silverback
COPY configs/docker.yml /etc/prometheus/prometheus.yml
# Prometheus's own names, so that a compose file or a chart needs another image and nothing else.
RUN ln -s silverback /bin/prometheus
USER 65534
EXPOSE 9090
VOLUME /prometheus
WORKDIR /prometheus
ENTRYPOINT ["/bin/silverback"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
