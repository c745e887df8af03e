FROM debian:13-slim AS base
ARG SSH_PORT=22
# expect[exposed low likely]: the image exposes the port of SSH, `22/TCP`
EXPOSE 8080 22/TCP

FROM debian:13-slim AS other
EXPOSE 22

FROM base
ARG SSH_PORT=22
# expect[exposed]: the image exposes the port of SSH, `${SSH_PORT}`
EXPOSE ${SSH_PORT}
# expect[exposed]: the image exposes the port of SSH, `20-25`
EXPOSE 20-25
COPY app /app
# expect[server low likely]: the image starts an SSH server, `sshd`
CMD ["/usr/sbin/sshd", "-D"]
