# What another rule reports.
FROM debian:trixie-slim
USER root
CMD ["/app"]
