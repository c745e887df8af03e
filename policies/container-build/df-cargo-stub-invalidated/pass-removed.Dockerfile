FROM rust:1.90 AS build
RUN mkdir src && printf "fn main() {}" > src/main.rs && cargo build --release && rm -rf src target/release/deps/app*
COPY src ./src
RUN cargo build --release
