#!/bin/bash
# Builds helm, in both versions that people use, and kustomize, and renders with them.
#
#   tests/render/run.sh [ARGUMENTS OF the test binary]
set -euo pipefail
cd "$(dirname "$0")"
RENDER_TOOLS=$PWD/../../target/render/bin
python=$PWD/../../target/e2e/python
export RENDER_TOOLS PATH=$PATH:$python/go/bin
../toolchain.sh e2e "$python"
./build.sh helm3 helm4 kustomize
cd ../..
exec cargo test --release --quiet -p policy-sdk -p policy-host --test main -- --ignored render::real "$@"
