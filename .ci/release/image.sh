#!/usr/bin/env bash
# Puts the programs of the archives for Linux where the Dockerfile takes them from: target/image/linux/ARCHITECTURE.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(python3 .ci/release/release.py version)
put() { # TARGET ARCHITECTURE
    local archive=policy-host-$version-$1
    [ -f "target/archives/$archive.tar.gz" ] || return 0
    mkdir -p "target/image/linux/$2"
    tar xzf "target/archives/$archive.tar.gz" -C "target/image/linux/$2" --strip-components=1 "$archive/policy-host"
}
put x86_64-unknown-linux-musl amd64
put aarch64-unknown-linux-musl arm64
