FROM golang:1.25 AS build
RUN go build -o /app .
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /app /app
# expect[no-shell high certain]: the shell form needs a shell, which `gcr.io/distroless/static-debian12:nonroot` does not have
HEALTHCHECK --interval=30s CMD /app check || exit 1
ENTRYPOINT ["/app"]
