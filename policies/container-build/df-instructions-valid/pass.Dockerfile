FROM debian:trixie-slim
ENV PATH=/app/bin:$PATH
ENV APP=/app DATA=/data APPLICATION=$APPLE LITERAL=\\$APP
ENV DATA_DIR=$APP/data
