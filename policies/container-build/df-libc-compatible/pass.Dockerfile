FROM rust:1.90-bookworm AS build
RUN cargo build --release
FROM golang:1.25-alpine AS helm
RUN wget https://example.com/helm && go build -o /out/tool .
FROM debian:trixie-slim
COPY --from=build /src/target/release/app /app
COPY --from=helm /out/tool /helm /
