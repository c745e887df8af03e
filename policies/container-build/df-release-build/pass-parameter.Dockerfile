# params: {"tools": ["go"]}
FROM rust:1.90
RUN cargo build
