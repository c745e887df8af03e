#!/usr/bin/env bash
# What pre-commit runs: the installed policy-host, else the released one of this version.
set -euo pipefail
program=$("$(dirname "$0")/find.sh")
exec "$program" "$@"
