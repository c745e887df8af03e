FROM debian:trixie-slim
RUN useradd --uid 10001 shop
# expect[name low certain]: the user `shop` is a name, whose number is 10001
USER shop:shop
CMD ["/app"]
