FROM --platform=linux/amd64 golang:1.25 AS build
RUN go build -o /app .
# expect[literal low certain]: the image is fixed to `linux/amd64`
FROM --platform=linux/amd64 debian:trixie-slim
COPY --from=build /app /app
ENTRYPOINT ["/app"]
