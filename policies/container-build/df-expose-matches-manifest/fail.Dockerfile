FROM debian:trixie-slim AS base
# expect[not-a-port low certain]: `65536` is no port from 1 to 65535
# expect: `http` is no port
EXPOSE 8080 65536 http
FROM base
ARG PORT=0
# expect: `0` is no port
EXPOSE $PORT
# expect: `9-8` is no port
EXPOSE 9-8
# expect: `80/http` is no port
EXPOSE 80/http
