FROM golang:1.25 AS build
RUN go build -ldflags="-s -w" -o /a . && go build -ldflags "-s" -o /b . && go build -ldflags "$FLAGS" -o /c . && go build $FLAGS -o /d .
FROM golang:1.25 AS stripped
RUN go build -o /e . && strip /e
FROM scratch
COPY --from=build /a /b /c /d /
COPY --from=stripped /e /
