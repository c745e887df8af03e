FROM debian:trixie-slim
# expect[maintainer low certain]: `MAINTAINER` is deprecated
MAINTAINER team@example.com
# expect[used-before-set medium certain]: `DATA` uses `$APP`, which this `ENV` sets
ENV APP=/app DATA=$APP/data
# expect[legacy-env low certain]: `ENV NAME value` is deprecated
ENV LANG C.UTF-8
# label: here too
ENV TZ Europe/Berlin
