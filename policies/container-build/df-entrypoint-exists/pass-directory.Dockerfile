FROM scratch
COPY --from=build /out /app
ENTRYPOINT ["/app/bin/shop"]
