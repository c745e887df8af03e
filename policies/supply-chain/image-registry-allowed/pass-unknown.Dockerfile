# settings: {"allowedRegistries": ["registry.example.com"]}
# not-evaluated: from which image a stage begins is not known: `$BASE`
ARG BASE
FROM $BASE
