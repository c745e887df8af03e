# params: {"allowed": ["scratch", "gcr.io/distroless/*", "*-slim"]}
FROM docker.io/library/debian:trixie-slim
CMD ["/app"]
