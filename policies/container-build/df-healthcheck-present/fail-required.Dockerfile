# params: {"required": true}
# expect[missing]: the image has no health check
FROM alpine:3.22
CMD ["/app"]
