FROM golang:1.21 AS build
# expect[ended medium certain]: `debian:stretch` is of debian stretch, which has had no fixes since 2022-06-30
FROM debian:stretch
CMD ["/app"]
