FROM gcr.io/distroless/static-debian12
# expect[name]: whose number is 65532
USER nonroot:nonroot
CMD ["/app"]
