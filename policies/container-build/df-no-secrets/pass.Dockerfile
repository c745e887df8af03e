# syntax=docker/dockerfile:1
FROM node:24-slim AS build
ARG NPM_TOKEN_FILE=/run/secrets/npm
ARG SECRET_NAME=shop-db
ARG GPG_KEY
ARG UNUSED_TOKEN
ENV POSTGRES_PASSWORD_FILE=/run/secrets/db TOKEN_URL=https://id.example.com/token DB_PASSWORD= API_KEY=$API_KEY
RUN gpg --recv-keys $GPG_KEY
RUN --mount=type=secret,id=npm,env=NPM_TOKEN npm ci
COPY .env.example tls/ca.pem certs/public.pem ./
FROM node:24-slim
COPY --from=build /app/.env /app/server.key /app/
CMD ["node", "server.js"]
