FROM gcr.io/distroless/nodejs24-debian12
COPY server.js /
ENTRYPOINT ["/nodejs/bin/node", "/server.js"]
