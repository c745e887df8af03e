FROM node:24 AS web
WORKDIR /src
# label: all of the sources are copied here
COPY . .
# expect[sources-first low certain]: `npm ci` runs again after each change of any file
RUN npm ci && npm run build
FROM python:3.13-slim
# label: all of the sources
ADD ./ /app
# expect: `pip install -r requirements.txt` runs again
RUN pip install -r requirements.txt
