# not-applicable: no labels are required
FROM alpine:3.22
CMD ["/app"]
