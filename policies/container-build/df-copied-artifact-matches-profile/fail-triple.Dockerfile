FROM rust:1.90 AS build
# label: built here
RUN cargo build --profile dist --target x86_64-unknown-linux-musl
FROM scratch
# expect: builds `target/dist`
COPY --from=0 target/x86_64-unknown-linux-musl/release/app /app
