# syntax=docker/dockerfile:1
ARG GO=1.25
ARG BASE=debian:trixie-slim
FROM --platform=$BUILDPLATFORM golang:${GO}-alpine AS Build
RUN go build -o /app ./cmd/app
FROM build AS test
RUN go test ./...
FROM $BASE AS tools
FROM gcr.io/distroless/static@sha256:87bce11be0af225e4ca761c40babb06d6d559f5767fbf7dc3c47f0f1a466b92c AS digest
FROM scratch
COPY --from=BUILD /app /app
COPY --from=0 /app /app2
COPY --from=docker.io/library/busybox:1.37 /bin/busybox /busybox
ENTRYPOINT ["/app"]
