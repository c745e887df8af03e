# not-evaluated: the base image `$BASE` is not known
ARG BASE
FROM $BASE
CMD ["app"]
