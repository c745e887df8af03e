# not-applicable: the image starts nothing
FROM debian:trixie-slim
RUN apt-get update
