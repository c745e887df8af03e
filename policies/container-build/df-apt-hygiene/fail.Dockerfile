FROM debian:trixie-slim AS build
RUN apt-get update && apt-get install gcc
FROM debian:trixie-slim
RUN apt-get update
# expect[stale-index medium certain]: packages are installed by the index that an earlier `RUN` fetched
# expect[apt low certain]: without `--no-install-recommends`, the removal of `/var/lib/apt/lists`
RUN apt-get install -y curl
# The lists are removed before they are fetched.
# expect[apt]: packages are installed without `-y`, `--no-install-recommends`, the removal of `/var/lib/apt/lists`, `apt-get` in place of `apt`
RUN rm -rf /var/lib/apt/lists/* && apt update && apt install curl
