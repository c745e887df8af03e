ARG UID=0
FROM debian:trixie-slim AS base
USER 10001
FROM base
ARG UID=0
# expect[root]: the image runs as `${UID}:0`, which is root
USER 65532:65532
CMD ["/app"]
