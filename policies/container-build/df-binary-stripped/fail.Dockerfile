FROM golang:1.25 AS build
# expect[go low certain]: `go build -o /out/shop ./cmd/shop` keeps the debug information
RUN CGO_ENABLED=0 go build -o /out/shop ./cmd/shop
RUN go build -o /out/generate ./cmd/generate
FROM scratch
COPY --from=build /out/shop /shop
