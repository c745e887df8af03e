FROM debian:trixie-slim
COPY --from=build /out/app /opt/shop/app
COPY web /opt/shop/web
# expect[writable medium certain]: `chmod -R 777 /opt/shop` lets everybody write `/opt/shop`
RUN chmod -R 777 /opt/shop
# expect[chown low likely]: copies what was copied to `/opt/shop` once more
RUN useradd shop && chown -R shop:shop /opt/shop
# expect[writable]: lets everybody write `/opt/shop/app`
RUN chmod a+rwx /opt/shop/app
ENTRYPOINT ["/opt/shop/app"]
