FROM golang:1.25-alpine AS build
RUN go build -o /app .
FROM rust:1.90-alpine AS rust
RUN cargo build --release
FROM scratch
COPY --from=build /app /app
COPY --from=rust /target/release/b /b
COPY c /c
