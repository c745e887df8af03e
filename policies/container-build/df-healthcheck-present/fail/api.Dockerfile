FROM golang:1.25 AS build
HEALTHCHECK CMD ["/in-another-stage"]
RUN go build -o /api .
# expect[awaited medium likely]: the image of `api` has no health check, but a service waits until it is healthy
FROM gcr.io/distroless/static
COPY --from=build /api /api
ENTRYPOINT ["/api"]
