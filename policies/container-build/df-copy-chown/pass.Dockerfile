FROM debian:trixie-slim
COPY --chown=10001 data /data
COPY --from=build /out/app /app
RUN mkdir -p /var/cache/shop && chown -R 10001 /var/cache/shop /data && chmod 777 /var/cache/shop /tmp && chmod 755 /app && chmod g=u /app && chmod u+w,o+rx /app
ENTRYPOINT ["/app"]
