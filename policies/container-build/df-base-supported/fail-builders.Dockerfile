# params: {"include_builders": true}
ARG GO=1.22.5
# expect[ended]: is of golang 1.22, which has had no fixes since 2025-02-11
FROM golang:${GO}-alpine AS build
# Node is supported, the distribution is not.
# expect[ended]: `node:24-buster` is of debian buster
FROM node:24-buster
CMD ["/app"]
