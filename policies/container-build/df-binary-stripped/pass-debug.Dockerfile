# not-applicable: `debug` says that it is for development
FROM golang:1.25 AS build
RUN go build -o /a .
FROM scratch AS debug
COPY --from=build /a /
