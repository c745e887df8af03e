FROM debian:trixie-slim
# expect[script]: the script ends with `app` without `exec`
ENTRYPOINT ["/bin/sh", "-c", "migrate && /app"]
