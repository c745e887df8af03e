#!/usr/bin/env bash
# Builds the rule to target/owner-label-required.wasm. The compiler comes from PyPI and is kept in target/.
set -euo pipefail
cd "$(dirname "$0")"
host=${POLICY_HOST:-policy-host}
tools=${TOOLS:-$PWD/target/tools}

if ! [ -x "$tools/bin/componentize-py" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check componentize-py==0.25.1
fi
mkdir -p target
# Without WASI, since a rule imports nothing.
"$tools/bin/componentize-py" --quiet --wit-path wit --world policy-rules \
    componentize --stub-wasi policy --output target/built.wasm
# CPython is larger than components usually may be; whoever runs the rule sets POLICY_HOST_COMPONENT_MIB too.
"$host" --component-mib 32 component target/built.wasm --out target/owner-label-required.wasm
