FROM alpine:3.22
HEALTHCHECK CMD wget --spider http://localhost:8080/
