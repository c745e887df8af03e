FROM rust:1.90 AS build
RUN cargo build --release && cargo build --profile=bench
FROM rust:1.90 AS debug
RUN cargo build --profile dev
FROM debian:trixie-slim
COPY --from=build /src/target/release/app /app
COPY --from=debug /src/target/debug/app /b
COPY target/debug/app /c
COPY --from=build /out/app /d
