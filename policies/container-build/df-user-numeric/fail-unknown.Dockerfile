FROM node:24-slim AS base
ARG WHO=node
# expect[name]: the user `node` is a name, so that Kubernetes cannot tell whether it is root
USER $WHO
FROM base
CMD ["server.js"]
