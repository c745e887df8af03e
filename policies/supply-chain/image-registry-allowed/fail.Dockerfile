# settings: {"allowedRegistries": ["registry.example.com"]}
ARG VERSION=1.25
# expect[not-allowed]: a stage has the image `golang:1.25` of `docker.io/library/golang`
FROM golang:${VERSION} AS build
FROM build AS test
FROM registry.example.com/base:1 AS base
FROM scratch
FROM scratch AS last
# expect[not-allowed]: a copy has the image `busybox:1.37` of `docker.io/library/busybox`
COPY --from=busybox:1.37 /bin/busybox /bin/busybox
COPY --from=build /app /app
COPY --from=0 /app /app
COPY --from=registry.example.com/tools:1 /tool /tool
# expect[not-allowed]: a copy has the image `golang:1.25`
RUN --mount=type=bind,from=golang:1.25,target=/go ls
