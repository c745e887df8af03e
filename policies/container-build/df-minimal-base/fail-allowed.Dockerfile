# params: {"allowed": ["scratch", "gcr.io/distroless/*", "*-slim"]}
# expect[not-allowed]: `registry.example.com/base:1`, which is not one of the small ones
FROM registry.example.com/base:1
CMD ["/app"]
