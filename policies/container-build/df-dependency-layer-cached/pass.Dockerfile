FROM golang:1.25 AS build
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go mod download && go build -o /app .
FROM node:24 AS cached
COPY . .
RUN --mount=type=cache,target=/root/.npm npm ci
FROM golang:1.25 AS plain
COPY . .
RUN go build -o /app .
FROM scratch
COPY --from=build /app /app
