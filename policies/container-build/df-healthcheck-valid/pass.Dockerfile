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

# A sign is a part of a duration; inside one argument, operators are the program's.
FROM debian:trixie-slim AS signed
HEALTHCHECK --interval=+20s --timeout=+2s CMD ["node", "-e", "process.exit(Number(process.env.DOWN || 0))"]

# What a wrapper starts is a shell.
FROM debian:trixie-slim AS started
HEALTHCHECK CMD ["timeout", "5", "/bin/busybox", "sh", "-c", "wget -q localhost || exit 1", "||"]

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
COPY --from=signed /app /f
COPY --from=started /app /g
# Dead: the next one takes its place.
HEALTHCHECK CMD ["/app", "check"] || exit 1
HEALTHCHECK NONE
ENTRYPOINT ["/app"]
