FROM golang:1.25 AS build
# expect: keeps the debug information
RUN go build -ldflags "-X main.version=1" -o shop .
FROM scratch
COPY --from=0 /go/shop /shop
