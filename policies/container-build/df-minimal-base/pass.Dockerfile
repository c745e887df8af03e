FROM ubuntu:24.04 AS build
RUN make
FROM docker.io/library/alpine:3.22@sha256:87bce11be0af225e4ca761c40babb06d6d559f5767fbf7dc3c47f0f1a466b92c
CMD ["/app"]
