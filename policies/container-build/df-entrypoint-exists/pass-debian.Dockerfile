# not-applicable: the base image may hold the program
FROM debian:trixie-slim
ENTRYPOINT ["/shop"]
