# not-evaluated: the base image is not known
ARG BASE
FROM $BASE
CMD ["/a"]
