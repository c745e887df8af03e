#!/usr/bin/env bash
# Builds the rule to target/owner-label-required.wasm. The compiler comes from npm and is kept in target/.
set -euo pipefail
cd "$(dirname "$0")"
host=${POLICY_HOST:-policy-host}
tools=${TOOLS:-$PWD/target/tools}

if ! [ -x "$tools/node_modules/.bin/componentize-qjs" ]; then
    npm install --prefix "$tools" --no-audit --no-fund --loglevel error componentize-qjs@0.4.5
fi
mkdir -p target
# Without WASI, since a rule imports nothing, and without asynchronous calls, which the host does not make.
"$tools/node_modules/.bin/componentize-qjs" --stub-wasi --sync --minify \
    --wit wit --js policy.js --output target/built.wasm >/dev/null
"$host" component target/built.wasm --out target/owner-label-required.wasm
