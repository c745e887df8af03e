FROM debian:trixie-slim
STOPSIGNAL SIGRTMIN+3
CMD ["/sbin/init"]
