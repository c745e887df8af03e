FROM debian:trixie-slim
# expect[unknown]: `SIGTREM` is no signal, so that containers do not start
STOPSIGNAL SIGTREM
CMD ["/app"]
