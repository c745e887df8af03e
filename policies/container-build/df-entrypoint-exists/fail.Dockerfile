FROM golang:1.25 AS build
RUN CGO_ENABLED=0 go build -o /out/shop ./cmd/shop
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/shop /usr/bin/shop
# expect[missing high likely]: `/shop` is started, and nothing brings it to `/shop`
ENTRYPOINT ["/shop"]
