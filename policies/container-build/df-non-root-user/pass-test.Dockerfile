# not-applicable: `test` says that it is for development
FROM debian:trixie-slim AS test
CMD ["run-tests"]
