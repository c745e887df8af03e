#!/usr/bin/env bash
# Holds the bundles pod-security-baseline and -restricted beside Kubernetes' own library: on its fixtures of every
# version, on 20,000 generated pods, and on pods in namespaces with labels, beside its admission plugin.
#
#   tests/pod-security/run.sh [-seed N] [-count N]
#
# POLICY_HOST is the host, BUNDLES a folder of bundle files to take instead of the shipped ones. Cases and results stay
# in target/pod-security/cases.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
host=${POLICY_HOST:-$PWD/target/release/policy-host}
kept=$PWD/target/pod-security
cases=$kept/cases

tests/toolchain.sh pod-security "$kept/tools"
export PATH=$PATH:$kept/tools/go/bin
(cd tests/pod-security && nice go build -o "$kept/pod-security" .)

rm -rf "$cases"
"$kept/pod-security" generate "$cases" "$@"
(cd tests/pod-security && "$kept/pod-security" fixtures "$cases")

# What the host says of findings is no failure of this script.
for case in "$cases"/*.case.json; do
    name=${case%.case.json}
    rule=${name##*--}
    folder=${name%%--*}
    bundle=${name#"$folder"--}
    bundle=${bundle%--*}
    select=()
    [ -z "$rule" ] || select=(--select "$rule")
    [ -z "${BUNDLES:-}" ] || bundle=$BUNDLES/$bundle.yaml
    # On a busy machine a rule may miss its deadline, which says nothing about verdicts: ask again.
    for _ in 1 2 3; do
        code=0
        "$host" eval --config "${folder}.config.json" --format json --bundle "$bundle" "${select[@]}" "$folder" \
            >"$name.results.json" 2>"$name.stderr" || code=$?
        [ "$code" -gt 1 ] || break
    done
    [ "$code" -le 1 ] || { echo "error: the host ended with $code on $folder" >&2; cat "$name.stderr" >&2; exit 2; }
done
exec "$kept/pod-security" compare "$cases"
