# NOTE: this file is generated, do not edit it.
FROM debian:trixie-slim
ENV LANG C.UTF-8
