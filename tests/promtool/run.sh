#!/bin/bash
# Holds the rule `promql-parses` beside prometheus' own `promtool check rules`: they agree on which rule files are valid.
#
#   tests/promtool/run.sh [FOLDER]...     folders with rule files; by default those of the corpus that are there
#
# Each rule file, and the `spec` of each PrometheusRule, is given to both. So is each file of `broken`, which both refuse.
# The first build takes some minutes, later ones seconds.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
host=${POLICY_HOST:-$PWD/target/release/policy-host}
kept=$PWD/target/promtool
tests/toolchain.sh corpus "$kept/tools" go
export PATH=$PATH:$kept/tools/go/bin
mkdir -p "$kept"

# Service discovery brings the libraries of every cloud, and checks no rules.
nice -n 10 timeout 45m go build -C tests/promtool -tags remove_all_sd -ldflags "-s -w" -o "$kept/promtool" \
    github.com/prometheus/prometheus/cmd/promtool

folders=("$@")
[ $# -gt 0 ] || mapfile -t folders < <(cut -f 2 target/corpus/folders.tsv 2>/dev/null)
python3 tests/promtool/compare.py "$host" "$kept" tests/promtool/broken bundles/deploy "${folders[@]}"
