ARG BASE=alpine
# expect[no-registry-in-file info certain]: a stage begins from the image `golang:1.25`, which names no registry and is `docker.io/library/golang:1.25`
FROM golang:1.25 AS build
RUN go build
FROM build AS test
FROM $BASE AS other
FROM scratch
COPY --from=build /app /app
FROM gcr.io/distroless/static:nonroot
