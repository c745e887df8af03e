FROM debian:13-slim
ARG WHO=root
USER $WHO
ENTRYPOINT ["/ledger"]
