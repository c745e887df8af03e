FROM golang:1.25 AS build
# expect[distribution low certain]: the image is built from `ubuntu:24.04`, a whole distribution
FROM ubuntu:24.04 AS base
FROM base
CMD ["/app"]
