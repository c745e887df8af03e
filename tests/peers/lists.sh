#!/usr/bin/env bash
# Holds tests/peers/checks.tsv against what the tools themselves have, in the versions that peers.tsv pins, where a registry
# serves them: kube-score, Pod Security and actionlint as Go modules, hadolint, zizmor and checkov from PyPI.
#
#   tests/peers/lists.sh
#   UPDATE=1 tests/peers/lists.sh    adds what is new, and removes what is gone, and reasons of checks that a rule has
#   UPDATE=reasons tests/peers/lists.sh    removes only these reasons, and needs no tool
#
# POLICY_HOST is the host, whose rules say what they have.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
host=${POLICY_HOST:-$PWD/target/release/policy-host}
kept=$PWD/target/peers
lists=$kept/lists
rm -rf "$lists"
mkdir -p "$lists"
"$host" list --format json >"$lists/rules.json"
[ "${UPDATE:-}" != reasons ] || exec python3 tests/peers/lists.py tests/peers "$lists"

tests/peers/tools.sh
"$kept/bin/kube-score" list | cut -d, -f1 >"$lists/KS"
"$kept/bin/pod-security" checks "$lists/PSS"
# It names its kinds of reports only in a template for them.
printf 'on: push\n' | "$kept/bin/actionlint" -format '{{range allKinds}}{{.Name}} {{end}}' - >"$lists/AL" || true
PYTHONPATH=$(echo "$kept"/python/checkov==*) python3 "$kept"/python/checkov==*/bin/checkov --list >"$lists/CK"
exec python3 tests/peers/lists.py tests/peers "$lists" "$kept/python"
