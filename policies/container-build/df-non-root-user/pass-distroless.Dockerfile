FROM golang:1.25 AS build
USER root
RUN go build -o /shop .
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /shop /shop
ENTRYPOINT ["/shop"]
