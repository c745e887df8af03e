#!/usr/bin/env bash
# Fetches projects of the corpus with the clients of their registries, and holds each to its checksum. Prints the name and
# the folder of each.
#
#   tests/corpus/fetch.sh PROJECT...
#
# What is fetched is kept in target/corpus. Nothing of it is run but what pip asks of an archive for its metadata.
set -euo pipefail
cd "$(dirname "$0")/../.."
kept=$PWD/target/corpus
mkdir -p "$kept"

refuse() { echo "error: $project: $*" >&2; exit 2; }

# The module's folder in a cache of its own, so that it can be removed like any other.
fetch_go() {
    local said
    said=$(GOMODCACHE=$kept/go GOFLAGS=-modcacherw go mod download -json "$package") || refuse "$said"
    read -r folder sum < <(python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["Dir"], d["Sum"])' <<<"$said")
    [ "$sum" = "$checksum" ] || refuse "its checksum is $sum"
}

# Unpacks the only archive of a folder.
unpack() { # ARCHIVES
    rm -rf "$folder"
    mkdir -p "$folder.new"
    tar -xzf "$1"/*.tar.gz -C "$folder.new" --strip-components 1 2>/dev/null ||
        tar -xzf "$1"/*.tgz -C "$folder.new" --strip-components 1
    mv "$folder.new" "$folder"
}

fetch_npm() {
    folder=$kept/npm/$project
    [ ! -d "$folder" ] || return 0
    local archives sum
    archives=$(mktemp -d)
    (cd "$archives" && npm pack --silent --ignore-scripts "$package" >/dev/null) || refuse "npm pack $package failed"
    sum=sha512-$(openssl dgst -sha512 -binary "$archives"/*.tgz | base64 -w0)
    [ "$sum" = "$checksum" ] || refuse "its checksum is $sum"
    unpack "$archives"
    rm -rf "$archives"
}

fetch_pip() {
    folder=$kept/pip/$project
    [ ! -d "$folder" ] || return 0
    local archives
    archives=$(mktemp -d)
    echo "$package --hash=$checksum" >"$archives/requirements"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary "${package%%==*}" \
        --dest "$archives" --requirement "$archives/requirements" || refuse "pip download $package failed"
    unpack "$archives"
    rm -rf "$archives"
}

for project in "$@"; do
    IFS=$'\t' read -r _ client package checksum _ < <(grep "^$project"$'\t' tests/corpus/projects.tsv) ||
        refuse "tests/corpus/projects.tsv does not list it"
    "fetch_$client"
    printf '%s\t%s\n' "$project" "$folder"
done
