FROM node:24-slim
# expect[literal high likely secret]: `DB_PASSWORD` is a literal, which stays in the image
ENV PORT=8080 DB_PASSWORD=Xk3-9fQz7Lm2
# expect[sample low guess secret]: `ADMIN_PASSWORD` is a well-known password
ENV ADMIN_PASSWORD changeme
# expect[argument low likely]: `NPM_TOKEN` is handed over as an argument
ARG NPM_TOKEN
# label: used here
RUN echo "//registry.npmjs.org/:_authToken=${NPM_TOKEN}" > ~/.npmrc && npm ci
# expect[token critical certain secret]: a command holds
RUN curl -H "Authorization: token ghp_x7Kp2mQ9vLr4Tn8WsYb3Hd6Jf1Zc5Ga0Ue2X" https://api.example.com
# expect[file high likely]: `.env` is copied, which holds credentials by its name
COPY .env /app/.env
# expect[file]: `deploy/id_rsa` is copied
# expect[file]: `tls/server.key`
ADD deploy/id_rsa tls/server.key /keys/
# expect[git low certain]: the history of the repository is copied
COPY .git /app/.git
CMD ["node", "server.js"]
