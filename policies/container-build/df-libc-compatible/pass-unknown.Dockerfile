# not-applicable: the C library of the base image is not known
FROM rust:1.90 AS build
RUN cargo build --release
FROM registry.example.com/base:1
COPY --from=build /src/target/release/app /app
