FROM debian:trixie-slim AS builder
# An operator behind the array: the shell looks for a program named `[/app/server,`.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    # expect[not-json]: it looks like the exec form but is not a JSON array
    CMD ["/app/server", "check"]

FROM debian:trixie-slim AS quotes
# Single quotes are no JSON, and what is meant is not known well enough for a fix.
# expect[not-json]: it looks like the exec form but is not a JSON array
HEALTHCHECK CMD ['curl', '-f', 'http://localhost:8080/healthz']

FROM debian:trixie-slim AS spaced
# expect[not-json]: it looks like the exec form
HEALTHCHECK CMD [ "curl", "-f", "http://localhost:8080/healthz" ] || echo sick

FROM debian:trixie-slim AS commented
# What is cut goes to the end of the last line: `CMD` stays an instruction.
# expect: it looks like the exec form
HEALTHCHECK CMD ["/app/server", "check"]
CMD ["/app/server"]

FROM debian:trixie-slim AS operators
# expect[operator]: `||` is handed over as an argument, since the exec form runs no shell
HEALTHCHECK CMD ["curl", "-f", "http://localhost:8080/healthz"]

FROM debian:trixie-slim AS redirected
# expect[operator]: `>/dev/null` is handed over as an argument
HEALTHCHECK CMD ["curl", "http://localhost:8080/healthz", ">/dev/null"]

FROM debian:trixie-slim AS joined
# expect[operator]: `curl -f http://localhost:8080/healthz || exit 1` is handed over as an argument
HEALTHCHECK CMD ["curl -f http://localhost:8080/healthz || exit 1"]

FROM debian:trixie-slim AS options
# Numbers without a unit are no durations.
# expect[option]: `--interval` is `30`, expected a duration with its unit, such as `30s`: the image will not build
# expect[option]: `--start-period` is `1min`, expected a duration
# expect[option]: `--retries` is `three`, expected a whole number
HEALTHCHECK --interval=30 --start-period=1min --retries=three CMD /app/check

FROM debian:trixie-slim AS little
# expect[option]: `--timeout` is `500us`, expected 0 or at least `1ms`
# expect[option]: `--retries` is `-1`, expected a whole number
HEALTHCHECK --timeout=500us --retries=-1 CMD /app/check

FROM debian:trixie-slim AS misled
# An argument that ends like a shell is none.
# expect: `||` is handed over as an argument
HEALTHCHECK CMD ["wget", "http://localhost/files/dash"]

FROM debian:trixie-slim AS wrapped
# expect: `||` is handed over as an argument
HEALTHCHECK CMD ["timeout", "5", "wget", "http://localhost/sh"]

FROM debian:trixie-slim AS parent
HEALTHCHECK CMD ["/app", "check"]
# expect: it looks like the exec form but is not a JSON array
ONBUILD HEALTHCHECK CMD ["/shop", "ping"]

FROM debian:trixie-slim AS negative
# expect: `--interval` is `-20s`, expected 0 or at least `1ms`
HEALTHCHECK --interval=-20s CMD /app/check

FROM debian:trixie-slim
COPY --from=misled /app /app
COPY --from=wrapped /app /app
COPY --from=parent /app /app
COPY --from=negative /app /app
COPY --from=builder /app /app
COPY --from=quotes /app /app
COPY --from=spaced /app /app
COPY --from=commented /app /app
COPY --from=operators /app /app
COPY --from=redirected /app /app
COPY --from=joined /app /app
COPY --from=options /app /app
COPY --from=little /app /app
# Dead: the next one takes its place.
HEALTHCHECK CMD ["/app/server", "check"] || exit 1
# expect[operator]: `>/dev/null` is handed over as an argument
HEALTHCHECK CMD ["/app/server", "check", ">/dev/null"]
