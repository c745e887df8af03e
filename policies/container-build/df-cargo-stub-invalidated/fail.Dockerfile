FROM rust:1.90 AS build
WORKDIR /app
COPY Cargo.toml Cargo.lock ./
# label: the stub is built here
RUN mkdir src && echo 'fn main() {}' > src/main.rs && cargo build --release && rm -rf src
COPY src ./src
# expect[stub critical likely]: `cargo build --release` may take the stub for the program, whose sources are older
RUN cargo build --release
FROM debian:trixie-slim
COPY --from=build /app/target/release/app /app
