# not-evaluated: in a variable
FROM rust:1.90 AS build
ARG FLAGS
RUN cargo build $FLAGS
FROM debian:trixie-slim
COPY --from=build /src/target/release/app /app
