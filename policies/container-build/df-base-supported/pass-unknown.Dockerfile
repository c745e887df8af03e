# not-evaluated: how long `alpine:3.99` is supported is not known
FROM alpine:3.99
