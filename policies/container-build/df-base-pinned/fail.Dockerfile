ARG RUNTIME=latest
# expect[no-tag medium certain]: the base image `golang` has no tag, so `latest` is built from
FROM golang AS build
RUN go build -o /app ./cmd/app

# label: here too
FROM golang AS lint
RUN go vet ./...

# expect[latest]: the base image `node:latest` has the tag `latest`, which moves
FROM node:latest AS web
# expect[latest]: `ghcr.io/astral-sh/uv:latest`
COPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/uv
# expect[no-tag]: `registry.example.com:5000/tools/lint`
RUN --mount=type=bind,from=registry.example.com:5000/tools/lint,target=/lint /lint/run

# expect[latest]: `debian:latest`
FROM debian:${RUNTIME} AS variable

# expect[no-tag]: pin it by its digest, since it has only moving tags
FROM gcr.io/distroless/static-debian12
COPY --from=build /app /app
COPY --from=web /bin/uv /uv
ENTRYPOINT ["/app"]
