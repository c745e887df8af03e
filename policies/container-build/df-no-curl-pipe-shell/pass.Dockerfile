FROM debian:trixie-slim
RUN curl -fsSLo /tmp/t.tgz https://example.com/t-1.2.tgz \
    && echo "87bce11b  /tmp/t.tgz" | sha256sum -c - \
    && tar -xzf /tmp/t.tgz -C /usr/local
ADD --checksum=sha256:87bce11be0af225e4ca761c40babb06d6d559f5767fbf7dc3c47f0f1a466b92c https://example.com/a /a
FROM debian:trixie-slim
# The key with which the package manager verifies.
RUN curl -fsSL https://example.com/repo/key.gpg | gpg --dearmor -o /usr/share/keyrings/example.gpg
RUN curl -fsSL https://example.com/version.json | python3 -m json.tool > /version.json
RUN curl -fs https://example.com/health || true
ADD https://github.com/example/project.git#v1.2.3 /src
CMD ["/app"]
