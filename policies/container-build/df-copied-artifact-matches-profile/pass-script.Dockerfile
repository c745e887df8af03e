# not-evaluated: what a script builds is not known
FROM rust:1.90 AS build
RUN ./build.sh && cargo build
FROM debian:trixie-slim
COPY --from=build /src/target/release/app /app
