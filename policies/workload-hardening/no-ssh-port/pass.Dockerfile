FROM debian:13-slim AS other
EXPOSE 22
CMD ["/usr/sbin/sshd", "-D"]

FROM debian:13-slim
RUN apt-get update && apt-get install -y --no-install-recommends openssh-client
EXPOSE 22/udp 2222 8022 $UNKNOWN
CMD ["/app/server"]
