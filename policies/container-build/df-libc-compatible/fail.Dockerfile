FROM rust:1.90-trixie AS build
# expect[older high likely]: `cargo build --release` builds on Debian 13, and the image is Debian 12
RUN cargo build --release
# label: the image
FROM debian:bookworm-slim
# label: copied here
COPY --from=build /src/target/release/app /app
ENTRYPOINT ["/app"]
