FROM golang:1.25 AS build
COPY . .
RUN go build -o /out/shop ./cmd/shop

# expect[root medium likely]: no `USER` is set and `alpine:3.22` runs as root
FROM alpine:3.22
COPY --from=build /out/shop /usr/local/bin/shop
ENTRYPOINT ["shop"]
