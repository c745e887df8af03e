# expect[build-platform medium certain]: the architecture of the machine that builds it
FROM --platform=${BUILDPLATFORM} debian:trixie-slim AS base
# expect[redundant info]: `$TARGETPLATFORM` is the platform of a stage anyway
FROM --platform=$TARGETPLATFORM base
CMD ["/app"]
