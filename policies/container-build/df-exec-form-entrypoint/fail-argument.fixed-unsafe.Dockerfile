FROM debian:trixie-slim
# label: the entry point
ENTRYPOINT ["/app"]
# expect[shell-as-argument high likely]: `/app` gets `/bin/sh -c …` as its arguments
CMD ["serve", "--port=8080"]
