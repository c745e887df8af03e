FROM debian:trixie-slim AS base
# expect[not-json]: a comma too many
CMD ["/app", "--serve",]
FROM base
