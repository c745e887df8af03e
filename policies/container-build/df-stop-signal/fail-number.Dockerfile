FROM debian:trixie-slim AS base
ARG SIGNAL=9
# expect[not-handled]: `9` stops the container
STOPSIGNAL $SIGNAL
FROM base
CMD ["/app"]
