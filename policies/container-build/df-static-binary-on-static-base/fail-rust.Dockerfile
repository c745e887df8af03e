FROM rust:1.90 AS build
# expect[rust high likely]: `cargo build --release` links the C library
RUN cargo build --release
FROM scratch
# label: copied here
COPY --from=build /src/target/release/app /app
ENTRYPOINT ["/app"]
