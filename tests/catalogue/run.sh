#!/usr/bin/env bash
# Builds a catalogue of many rules and prints what it weighs and costs.
#
#   tests/catalogue/run.sh RULES PACKS [small]     with `small`, only that it builds and is whole
set -euo pipefail
cd "$(dirname "$0")/../.."
count=${1:?how many rules} packs=${2:?in how many packs}
out=$PWD/target/catalogue/$count
host=$PWD/target/release/policy-host

rm -rf "$out/policies" "$out/bundles"
tests/catalogue/generate.sh "$count" "$packs" "$out"
started=$(date +%s)
(cd "$out" && QUIET=1 policies/build.sh)
echo "compiled in $(($(date +%s) - started)) s"
packed=$("$host" pack --components "$out/target/rules" --policies "$out/policies" --bundles "$out/bundles" \
    --out "$out/target/policies")
echo "$packed"
[[ $packed == "$count rules in $packs components, 1 bundles, "* ]] || { echo "error: that is not all" >&2; exit 1; }
# What a pack brings along, and what a rule adds to it: component and machine code, compressed.
bytes=$(stat -c %s "$out/target/policies/embedded.pack") bound=$((packs * 150000 + count * 28000))
[ "$bytes" -le "$bound" ] || { echo "error: $bytes bytes are more than $bound" >&2; exit 1; }
if [ "${3:-}" != small ]; then
    rule=$(ls -d "$out"/policies/*/pss-privileged-*/policy.rs | head -1)
    touch "$rule"
    started=$(date +%s)
    (cd "$out" && QUIET=1 policies/build.sh)
    echo "after touching one rule: compiled in $(($(date +%s) - started)) s"
    CATALOGUE="$out/target/policies/embedded.pack" cargo bench --quiet -p policy-host --bench catalogue
fi
