# not-evaluated: from which image a stage begins is not known: `$BASE_IMAGE`
ARG BASE_IMAGE
FROM $BASE_IMAGE
COPY app /app
