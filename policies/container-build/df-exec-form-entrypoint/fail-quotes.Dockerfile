FROM debian:trixie-slim
# expect[not-json]: looks like a JSON array and is not one
ENTRYPOINT ['/app', '--serve']
