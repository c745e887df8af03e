FROM debian:trixie-slim
# An earlier one is dead.
STOPSIGNAL SIGSTOP
# expect[not-handled medium certain]: `SIGKILL` stops the container, and no program can handle it
STOPSIGNAL SIGTERM
CMD ["/app"]
