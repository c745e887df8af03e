# not-applicable: starts nothing
FROM scratch
COPY module.wasm /
