#!/usr/bin/env bash
# Judges the projects of the corpus and holds what comes of it against the committed snapshot.
#
#   tests/corpus/run.sh [ci]          with `ci`, only the projects that projects.tsv marks so
#   tests/corpus/run.sh PROJECT...    only these
#   UPDATE=1 tests/corpus/run.sh …    writes the snapshot, of the projects that were judged
#
# Results stay in target/corpus/results, for whoever wants to read findings.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."
host=${POLICY_HOST:-$PWD/target/release/policy-host}
kept=$PWD/target/corpus
results=$kept/results
bundles=(default twelve-factor strict)
snapshot=tests/corpus/snapshot.tsv
chosen=" $* "

# A column of the projects that are chosen.
column() {
    awk -F '\t' -v chosen="$chosen" -v column="$1" \
        'chosen ~ /^ +$/ || index(chosen, " " $1 " ") || index(chosen, " " $5 " ") { print $column }' tests/corpus/projects.tsv
}
mapfile -t projects < <(column 1)
[ ${#projects[@]} -gt 0 ] || { echo "error: tests/corpus/projects.tsv has none of:$chosen" >&2; exit 2; }
mapfile -t clients < <(column 2 | sort -u)
tests/toolchain.sh corpus "$kept/tools" "${clients[@]}"
export PATH=$PATH:$kept/tools/go/bin PYTHONPATH=$kept/tools
kustomize=$PWD/target/render/bin/kustomize
[ -x "$kustomize" ] || tests/render/build.sh kustomize
python3 tests/corpus/test_meaning.py "$kustomize"

mkdir -p "$kept"
tests/corpus/fetch.sh "${projects[@]}" >"$kept/folders.tsv"
rm -rf "$results"
mkdir -p "$results"

# Runs the host in a project's folder. What it says of findings and files is no failure of this script.
judge() { # FOLDER FILE ARGUMENTS
    local folder=$1 file=$2 code=0
    shift 2
    (cd "$folder" && "$host" eval --no-config --no-cache --format json "$@" .) >"$file" 2>"$file.stderr" || code=$?
    [ "$code" -le 3 ] || { cat "$file.stderr" >&2; exit 2; }
    echo "$code" >"$file.code"
}

content() { # FOLDER
    (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}

while IFS=$'\t' read -r project folder; do
    started=$(date +%s%N)
    for bundle in "${bundles[@]}"; do
        judge "$folder" "$results/$project.$bundle.json" --bundle "$bundle"
    done
    echo "$project: judged by ${#bundles[@]} bundles in $((($(date +%s%N) - started) / 1000000)) ms"
    for fix in safe unsafe; do
        copy=$kept/fixed/$project
        rm -rf "$copy"
        mkdir -p "$copy"
        cp -R "$folder/." "$copy"
        for run in 1 2; do
            judge "$copy" "$results/$project.$fix-$run.json" --bundle strict --fix="$fix"
            content "$copy" >"$results/$project.$fix-$run.sums"
        done
        content "$folder" >"$results/$project.before.sums"
        found=("$results/$project".{strict,safe-1}.json "$results/$project.$fix-1.json")
        python3 tests/corpus/meaning.py "$folder" "$copy" "$kustomize" "${found[@]}" >"$results/$project.$fix.meaning"
        rm -rf "$copy"
    done
done <"$kept/folders.tsv"

python3 tests/corpus/summarize.py "$results" "${projects[@]}" >"$kept/snapshot.tsv"
if [ -n "${UPDATE:-}" ]; then
    {
        head -n 1 "$snapshot"
        while IFS=$'\t' read -r project _; do
            rows=$snapshot
            ! grep -q "^$project"$'\t' "$kept/snapshot.tsv" || rows=$kept/snapshot.tsv
            grep "^$project"$'\t' "$rows" || true
        done <tests/corpus/projects.tsv
    } >"$kept/whole.tsv"
    mv "$kept/whole.tsv" "$snapshot"
    echo "$snapshot is written: look at its changes"
elif diff --unified=0 <(awk -F '\t' 'NR == FNR { asked[$1]; next } FNR == 1 || $1 in asked' "$kept/folders.tsv" "$snapshot") \
    "$kept/snapshot.tsv"; then
    echo "${#projects[@]} projects: as in $snapshot"
else
    echo "error: the corpus is judged otherwise than $snapshot says. Where that is right: make corpus UPDATE=1" >&2
    exit 1
fi
