FROM scratch
COPY dist/* /
ENTRYPOINT ["/shop"]
