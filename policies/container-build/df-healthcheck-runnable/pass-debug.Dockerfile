FROM gcr.io/distroless/static-debian12:debug
HEALTHCHECK CMD wget http://localhost
