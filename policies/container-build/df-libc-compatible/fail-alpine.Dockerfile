FROM rust:1.90 AS build
# expect[family high likely]: `cargo build --release` builds for glibc, and the image has musl
RUN cargo build --release
# label: the image
FROM alpine:3.22
# label: copied here
COPY --from=build /src/target/release/app /app
