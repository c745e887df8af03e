FROM debian:trixie-slim
# expect[one-command low]: `app` is started by a shell without `exec`
CMD ["sh", "-c", "/app --port=$PORT"]
