FROM node:24-slim
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD node server.js
