# not-applicable: the base image is not one for static programs
FROM golang:1.25 AS build
RUN go build -o /app .
FROM gcr.io/distroless/base-debian12
COPY --from=build /app /app
