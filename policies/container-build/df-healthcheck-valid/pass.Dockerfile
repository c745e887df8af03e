FROM rust:1.90 AS builder
WORKDIR /src
COPY . .
RUN cargo build --release
# The exec form, and the shell form that has operators.
HEALTHCHECK --interval=30s --timeout=5s --start-period=1m30s --start-interval=500ms --retries=3 \
    CMD ["/src/target/release/app", "check"]

FROM debian:trixie-slim AS shell
HEALTHCHECK --interval=1m --timeout=10s CMD curl -fsS http://localhost:8080/healthz || exit 1

# A shell among the arguments runs the operators; the timeout is left to its default.
FROM debian:trixie-slim AS wrapped
HEALTHCHECK --interval=10s CMD ["/bin/sh", "-c", "curl -fsS http://localhost:8080/healthz || exit 1"]

# The shell's test command starts with a bracket too.
FROM debian:trixie-slim AS tested
HEALTHCHECK CMD [ -f /run/ready ]

FROM debian:trixie-slim AS compared
HEALTHCHECK CMD [ "$(cat /run/state)" = "ready" ] || exit 1

# A timeout as long as the interval harms nothing, 0 is the default, and text is no operator.
FROM debian:trixie-slim AS defaults
HEALTHCHECK --interval=30s --timeout=30s --start-period=0s CMD ["/app/check", "--expect", "a || b"]

# Nothing of this stage is shipped.
FROM debian:trixie-slim AS unused
HEALTHCHECK --interval=30 CMD ["/app/check"] || exit 1

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=builder /src/target/release/app /app
COPY --from=shell /app /a
COPY --from=wrapped /app /b
COPY --from=tested /app /c
COPY --from=compared /app /d
COPY --from=defaults /app /e
# Dead: the next one takes its place.
HEALTHCHECK CMD ["/app", "check"] || exit 1
HEALTHCHECK NONE
ENTRYPOINT ["/app"]
