FROM node:lts
