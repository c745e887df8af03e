FROM scratch
COPY start.sh /start.sh
# expect[no-shell high likely]: a shell is started, which `scratch` does not have
ENTRYPOINT /start.sh
