FROM debian:trixie-slim
# expect[masked medium likely]: `npm ci` may fail unseen, since `|| true` follows
RUN npm ci || true
# expect[masked]: `cargo build --release` may fail unseen, since `|| :` follows
RUN cd /src && cargo build --release || :
# expect[masked]: `make install` may fail unseen, since `exit 0` follows
RUN make install; exit 0
# expect[goes-on low certain]: the script goes on when `apt-get update` fails
RUN apt-get update; apt-get install -y curl
RUN <<EOF
# expect[goes-on]: the script goes on when `make` fails
make
cp app /usr/local/bin/app
EOF
# expect[pipe medium likely]: a failure of `curl -fsSL https://example.com/key` is lost in the pipe
RUN curl -fsSL https://example.com/key | tee /etc/key
# expect[pipe]: a failure of `cargo build` is lost
RUN cargo build | cat
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# expect[goes-on]: when `pip install -r requirements.txt` fails
RUN pip install -r requirements.txt; python -m compileall .
CMD ["/app"]
