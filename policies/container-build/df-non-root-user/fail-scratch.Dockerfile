# A static program alone.
# expect: no `USER` is set and `scratch` runs as root
FROM scratch
COPY shop /shop
ENTRYPOINT ["/shop"]
