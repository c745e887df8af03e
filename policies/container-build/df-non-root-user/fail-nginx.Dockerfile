FROM node:24 AS web
RUN npm ci && npm run build
# expect: take `nginxinc/nginx-unprivileged`
FROM nginx:1.29-alpine
COPY --from=web /dist /usr/share/nginx/html
CMD ["nginx", "-g", "daemon off;"]
