FROM debian:trixie-slim
ARG UID=10001
USER shop
USER ${UID}:${UID}
CMD ["/app"]
