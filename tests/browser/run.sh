#!/bin/bash
# Opens the HTML page in a real Chromium, which is installed where there is none.
#
#   tests/browser/run.sh [ARGUMENTS OF go test]
set -euo pipefail
cd "$(dirname "$0")"
python=$PWD/../../target/e2e/python
export PATH=$PATH:$python/go/bin
../toolchain.sh e2e "$python"
../toolchain.sh browser
CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
POLICY_HOST=$(realpath ../../target/release/policy-host)
export CHROMIUM POLICY_HOST
exec go test -count=1 -timeout 15m -v "$@" .
