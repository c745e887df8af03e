#!/usr/bin/env bash
# Begins a rule in each language, builds it and holds it to the same: its fixtures pass, it imports nothing, and it
# says of a repository what the others say.
#
#   tests/examples/run.sh [LANGUAGE...]      compilers come from npm and PyPI and are kept in target/examples
set -euo pipefail
cd "$(dirname "$0")/../.."
export POLICY_HOST=${POLICY_HOST:-$PWD/target/release/policy-host}
export POLICY_HOST_COMPONENT_MIB=32
kept=$PWD/target/examples
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
[ $# -gt 0 ] || set -- rust js python

for language in "$@"; do
    rule=example/$language-owner
    started=$(date +%s)
    "$POLICY_HOST" new "$rule" --lang "$language" --out "$out/$language" >/dev/null
    if [ "$language" = rust ]; then
        folder=$out/$language/policies/$rule
        # Where the dependencies were built before; cargo looks at what it is given.
        export POLICY_TARGET_DIR=$kept/rust
        (cd "$out/$language" && QUIET=1 policies/build.sh "$language-owner")
        mkdir -p "$folder/target"
        "$POLICY_HOST" component "$kept/rust/$language-owner.wasm" \
            --out "$folder/target/$language-owner.wasm" >/dev/null
    else
        folder=$out/$language/$rule
        TOOLS=$kept/$language "$folder/build.sh" >/dev/null
    fi
    "$POLICY_HOST" test "$folder"
    echo "$language: from nothing to passing fixtures in $(($(date +%s) - started)) s"

    component=$folder/target/$language-owner.wasm
    "$POLICY_HOST" inspect "$component" --format json |
        python3 -c 'import json, sys; imports = json.load(sys.stdin)["imports"]; sys.exit(f"imports: {imports}" if any("wasi" in name for name in imports) else 0)'
    "$POLICY_HOST" explain "$component" | grep -q '^Why: Whoever is woken'
    mkdir -p "$out/bundle-$language"
    cp "$component" "$out/bundle-$language/"
    # A line for each finding, so that no width depends on the rule's name. All but the last line, which sums up and says how
    # long it took. Findings are no failure.
    "$POLICY_HOST" eval --bundle "$out/bundle-$language" --format concise --no-cache tests/sample-repository >"$out/said" || [ $? = 1 ]
    sed -e '$d' -e "s/$language-owner/RULE/g" "$out/said" >"$out/said-$language"
    [ -s "$out/said-$language" ] || { echo "error: the rule in $language says nothing" >&2; exit 1; }
    cmp "$out/said-$1" "$out/said-$language"
    "$POLICY_HOST" bench "$component" --samples 31
done
echo "the rules in $* say the same"
