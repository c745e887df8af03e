FROM rust:1.90 AS build
WORKDIR /src
COPY . .
# label: built here
RUN cargo build --release --bin app
FROM debian:trixie-slim
# expect[other-profile medium certain]: `/src/target/debug/app` is taken, but `cargo build --release --bin app` builds `target/release`
COPY --from=build /src/target/debug/app /app
ENTRYPOINT ["/app"]
