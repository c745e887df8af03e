FROM node:24-slim
# expect[package-manager]: `yarn run serve` is started
CMD yarn run serve
