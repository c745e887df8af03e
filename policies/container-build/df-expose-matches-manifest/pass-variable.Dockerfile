# not-evaluated: the port `$PORT` is not known
FROM debian:trixie-slim
ARG PORT
EXPOSE $PORT
