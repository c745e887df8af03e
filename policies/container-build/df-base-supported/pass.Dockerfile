FROM golang:1.21 AS build
FROM debian:trixie-slim AS base
FROM base
COPY --from=build /app /app
