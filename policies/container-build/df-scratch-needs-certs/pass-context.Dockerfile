# What comes from the context is not known.
FROM scratch
COPY app /app
ENTRYPOINT ["/app"]
