FROM golang:1.25 AS build
# expect[go high likely]: `go build -o /out/app ./cmd/app` may link the C library
RUN go build -o /out/app ./cmd/app
FROM gcr.io/distroless/static-debian12:nonroot
# label: copied here
COPY --from=build /out/app /app
ENTRYPOINT ["/app"]
