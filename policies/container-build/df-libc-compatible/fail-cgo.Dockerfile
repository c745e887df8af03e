FROM golang:1.25-alpine AS build
ENV CGO_ENABLED=1
# expect[family]: builds for musl, and the image has glibc
RUN go build -o /out/app .
# label: the image
FROM gcr.io/distroless/base-debian12
# label: copied here
COPY --from=build /out/app /app
