FROM debian:trixie-slim AS base
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends curl=8.* && rm -rf /var/lib/apt/lists/*
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt,sharing=locked \
    apt-get update && apt-get --assume-yes -o APT::Install-Recommends=false install curl
RUN apt-get install -y --no-install-recommends ./shop.deb
FROM base
RUN echo 'APT::Install-Recommends "false";' > /etc/apt/apt.conf.d/lean && apt-get update && apt-get install --yes curl && apt-get dist-clean
RUN apt-get update && apt-get install -y curl && apt-get purge -y --auto-remove curl && rm -rf /var/lib/apt/lists/*
