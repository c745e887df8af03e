#!/bin/bash
# Builds tools that render, kept in Go's build cache: helm3, helm4, kustomize, into target/render/bin.
#
#   tests/render/build.sh TOOL...
#
# The first build of all takes ten minutes on two cores, later ones a few seconds.
set -euo pipefail
cd "$(dirname "$0")"
bin=$PWD/../../target/render/bin
mkdir -p "$bin"
build() { # DIRECTORY NAME PACKAGE
  echo "render: build $2" >&2
  nice -n 10 timeout 45m go build -C "$1" -ldflags "-s -w" -o "$bin/$2" "$3"
}
for tool in "$@"; do
  case $tool in
    helm3) build . helm3 helm.sh/helm/v3/cmd/helm ;;
    helm4) build . helm4 helm.sh/helm/v4/cmd/helm ;;
    kustomize) build kustomize kustomize sigs.k8s.io/kustomize/kustomize/v5 ;;
    *) echo "error: there is no tool $tool" >&2; exit 2 ;;
  esac
done
