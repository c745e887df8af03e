FROM rust:1.90 AS build
RUN cargo build --release --target x86_64-unknown-linux-musl
FROM rust:1.90-alpine AS alpine
RUN cargo build --release
FROM alpine:3.22
COPY --from=build /src/target/release/app /app
