FROM node:24-slim
# expect[package-manager]: `npm start` is started, and the program below it
CMD ["npm", "start"]
