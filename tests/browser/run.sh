#!/bin/bash
# Opens the HTML page in a real Chromium, which is installed where there is none.
#
#   tests/browser/run.sh [ARGUMENTS OF go test]
set -euo pipefail
cd "$(dirname "$0")"
command -v go >/dev/null || { echo "error: the tests need Go, of the version in tests/browser/go.mod or newer" >&2; exit 2; }
../toolchain.sh browser
CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
POLICY_HOST=$(realpath ../../target/release/policy-host)
export CHROMIUM POLICY_HOST
exec go test -count=1 -timeout 15m -v "$@" .
