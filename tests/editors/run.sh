#!/usr/bin/env bash
# Proves the language server with a client made by others: pytest-lsp, which is kept in target/editors.
set -euo pipefail
cd "$(dirname "$0")"
kept=$PWD/../../target/editors
if ! [ -x "$kept/bin/pytest" ]; then
    python3 -m venv "$kept"
    "$kept/bin/pip" install --quiet --disable-pip-version-check pytest-lsp==1.0.1
fi
export POLICY_HOST=${POLICY_HOST:-$PWD/../../target/release/policy-host}
exec "$kept/bin/pytest" --quiet -o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function -p no:cacheprovider "$@" test_lsp.py
