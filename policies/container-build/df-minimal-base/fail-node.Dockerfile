# expect[distribution]: `docker.io/library/node:24@sha256:
FROM docker.io/library/node:24@sha256:87bce11be0af225e4ca761c40babb06d6d559f5767fbf7dc3c47f0f1a466b92c
CMD ["server.js"]
