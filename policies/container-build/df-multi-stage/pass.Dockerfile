FROM golang:1.25 AS build
COPY . .
RUN go build -o /app
FROM debian:trixie-slim
COPY --from=build /app /app
# What is downloaded is not what a team writes.
RUN go install example.com/tool@v1.2.3
ENTRYPOINT ["/app"]
