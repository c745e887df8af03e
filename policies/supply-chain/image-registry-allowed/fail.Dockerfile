# settings: {"allowedRegistries": ["registry.example.com"]}
ARG VERSION=1.25
# expect[not-allowed]: a stage has the image `golang:1.25` of `docker.io/library/golang`
FROM golang:${VERSION} AS build
FROM build AS test
FROM registry.example.com/base:1 AS base
FROM scratch
