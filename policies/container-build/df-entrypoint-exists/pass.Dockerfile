FROM scratch
WORKDIR /app
COPY --from=build /out/shop .
ENTRYPOINT ["./shop"]
