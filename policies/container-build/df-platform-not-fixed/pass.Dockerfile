ARG PLATFORM=linux/amd64
FROM --platform=$BUILDPLATFORM golang:1.25 AS build
RUN go build -o /app .
FROM --platform=$PLATFORM debian:trixie-slim
COPY --from=build /app /app
ENTRYPOINT ["/app"]
