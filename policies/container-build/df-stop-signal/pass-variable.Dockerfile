# not-evaluated: the signal `$SIGNAL` is not known
FROM nginx:1.29
ARG SIGNAL
STOPSIGNAL $SIGNAL
