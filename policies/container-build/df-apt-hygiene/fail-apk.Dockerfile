FROM alpine:3.22
# expect[apk low certain]: `apk add` leaves its index in the image, expected `--no-cache`
RUN apk add ca-certificates tzdata
# expect[apk]: expected `--no-cache`
RUN apk update && apk add curl
