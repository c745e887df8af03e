FROM debian:trixie-slim AS base
RUN apt-get update && apt-get install -y curl
HEALTHCHECK CMD wget localhost
FROM base
HEALTHCHECK CMD curl -f http://localhost:8080/ || exit 1
