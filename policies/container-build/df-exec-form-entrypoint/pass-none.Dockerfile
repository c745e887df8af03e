# not-applicable: the file does not say what the image starts
FROM debian:trixie-slim
RUN true
