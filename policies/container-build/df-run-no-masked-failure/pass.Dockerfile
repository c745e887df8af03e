FROM debian:trixie-slim AS base
RUN set -eux; apt-get update; apt-get install -y curl; rm -rf /var/lib/apt/lists/*
RUN rm -rf /tmp/x || true; find / -name a -exec rm {} \; || true
RUN apt-get update && apt-get install -y curl && (apt-get clean || true)
RUN if ! curl -fs https://example.com; then echo none; fi
RUN VERSION=$(curl -fs https://example.com/v | cut -d. -f1) && echo "$VERSION"
RUN curl -fsSL https://example.com/a.tgz | tar -xz
RUN curl -fsSL https://example.com/a.tgz || curl -fsSL https://mirror.example.com/a.tgz
RUN echo "make | cat || true"
RUN set -o pipefail; curl -fs https://example.com | tee /a
RUN groupadd app || true; useradd app
RUN <<EOF
set -e
make
cp app /usr/local/bin/app
EOF
SHELL ["/bin/bash", "-eo", "pipefail", "-c"]
FROM base
RUN make; make install
RUN cargo build | tee log
CMD ["/app"]
