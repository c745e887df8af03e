# expect[password]: a `http` URL of host `proxy.example.com` holds a password
ARG PROXY=http://build:hunter2@proxy.example.com:3128
FROM debian:13.2
# expect[password]: a `postgres` URL of host `db` holds a password
ENV DATABASE_URL=postgres://cart:hunter2@db/cart LOG_LEVEL=info
# expect[password]: a `https` URL of host `packages.example.com` holds a password
RUN curl -fsS https://ci:hunter2@packages.example.com/key.asc -o /etc/key.asc
# expect[password]: a `https` URL of host `artifacts.example.com` holds a password
ADD https://ci:hunter2@artifacts.example.com/cart.tar.gz /opt/
# expect[weak]: a `http` URL of host `localhost` holds a password
HEALTHCHECK CMD ["curl", "-f", "http://cart:hunter2@localhost/health"]
RUN <<SCRIPT
redis-cli -u redis://:hunter2@cache ping # expect[password]: a `redis` URL of host `cache` holds a password
SCRIPT
# expect[password]: a `http` URL of host `late.example.com` holds a password
ONBUILD RUN curl http://cart:hunter2@late.example.com
