FROM alpine:3.22
ENTRYPOINT ["/tool"]
