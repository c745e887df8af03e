FROM debian:trixie-slim AS old
CMD app
FROM old
RUN true
HEALTHCHECK CMD curl -f localhost
ENTRYPOINT ["/app"]
CMD ["--port=8080"]
