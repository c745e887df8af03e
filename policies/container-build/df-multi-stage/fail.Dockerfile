# expect[build-image medium likely]: the image is built from `docker.io/library/golang`, which is there to build
FROM golang:1.25-alpine
WORKDIR /src
COPY . .
RUN go build -o /app ./cmd/example
ENTRYPOINT ["/app"]
