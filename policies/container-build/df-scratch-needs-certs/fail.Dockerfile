FROM golang:1.25 AS build
RUN CGO_ENABLED=0 go build -o /app .
# expect[no-certificates info guess]: the image has no certificates
FROM scratch
COPY --from=build /app /app
ENTRYPOINT ["/app"]
