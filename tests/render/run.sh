#!/bin/bash
# Builds helm, in both versions that people use, and kustomize, kept in Go's build cache, and renders with them.
#
#   tests/render/run.sh [ARGUMENTS OF the test binary]
#
# The first build takes ten minutes on two cores, later ones a few seconds.
set -euo pipefail
cd "$(dirname "$0")"
RENDER_TOOLS=$PWD/../../target/render/bin
python=$PWD/../../target/e2e/python
export RENDER_TOOLS PATH=$PATH:$python/go/bin
../toolchain.sh e2e "$python"
mkdir -p "$RENDER_TOOLS"
build() { # DIRECTORY NAME PACKAGE
  echo "render: build $2" >&2
  nice -n 10 timeout 45m go build -C "$1" -ldflags "-s -w" -o "$RENDER_TOOLS/$2" "$3"
}
build . helm3 helm.sh/helm/v3/cmd/helm
build . helm4 helm.sh/helm/v4/cmd/helm
build kustomize kustomize sigs.k8s.io/kustomize/kustomize/v5
cd ../..
exec cargo test --release --quiet -p policy-sdk -p policy-host --test main -- --ignored render::real "$@"
