FROM gcr.io/distroless/static-debian12
# expect[name]: whose number is 65532
USER 65532:65532
CMD ["/app"]
