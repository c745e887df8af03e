FROM node:24-slim
ENTRYPOINT ["dumb-init", "npm", "start"]
