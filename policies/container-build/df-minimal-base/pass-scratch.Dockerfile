# params: {"allowed": ["scratch"]}
FROM scratch
CMD ["/app"]
