FROM debian:trixie-slim AS base
RUN useradd --uid 10001 shop
USER shop
# The user of the stage below counts.
FROM base
COPY shop /shop
ENTRYPOINT ["/shop"]
