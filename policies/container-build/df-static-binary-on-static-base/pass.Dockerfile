FROM golang:1.25 AS base
ENV CGO_ENABLED=0
FROM base AS build
RUN go build -o /app .
FROM scratch
COPY --from=build /app /app
