# not-applicable: no Compose file builds it
FROM alpine:3.22
CMD ["/app"]
