FROM golang:1.26-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
ARG DATE=unknown
ENV GOCACHE=/go/build
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/go/build \
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION} -X main.dateBuilt=${DATE}" \
    -o /out/data-bridge ./cmd/data-bridge

FROM alpine:3.22
# Whatever user a platform starts it as is of group 0, and may write its dead letters.
RUN apk add --no-cache ca-certificates tzdata && adduser -D -H -u 10001 bridge \
    && mkdir -p /var/lib/data-bridge && chown bridge:root /var/lib/data-bridge && chmod 0770 /var/lib/data-bridge
COPY LICENSE /usr/share/licenses/data-bridge/
COPY --from=build /out/data-bridge /usr/local/bin/data-bridge
COPY config /etc/data-bridge
USER 10001
WORKDIR /var/lib/data-bridge
# Dead letters are written here: mount a volume to keep them.
VOLUME /var/lib/data-bridge
EXPOSE 8080 4195
ENV STATUS_ADDRESS=0.0.0.0:8080 HTTP_ADDRESS=127.0.0.1:4195
# Is the process alive? Not /health: who restarts what is unhealthy would end a bridge
# that waits for ClickHouse, and lose what core NATS cannot send again.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD wget -q -O /dev/null "http://127.0.0.1:${HTTP_ADDRESS##*:}/ping"
ARG VERSION=dev
ARG DATE=unknown
LABEL org.opencontainers.image.title="data-bridge" \
      org.opencontainers.image.description="NATS, JetStream and Kafka streams into ClickHouse, with backpressure" \
      org.opencontainers.image.url="https://github.com/data-bridge-io/data-bridge" \
      org.opencontainers.image.source="https://github.com/data-bridge-io/data-bridge" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.created="${DATE}"
ENTRYPOINT ["data-bridge"]
CMD ["run", "/etc/data-bridge/bridge.yaml"]
