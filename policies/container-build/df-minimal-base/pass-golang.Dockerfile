# What another rule reports.
FROM golang:1.25
CMD ["/app"]
