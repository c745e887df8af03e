FROM --platform=linux/arm64 debian:trixie-slim
CMD ["/app"]
