FROM golang:1.25 AS build
RUN go build -o /bin/generate ./gen
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
