FROM rust:1.90 AS build
RUN mkdir src && echo "fn main() {}" > src/main.rs && cargo build --release
COPY src ./src
RUN cargo clean --release -p app && cargo build --release
