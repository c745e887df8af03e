#!/usr/bin/env bash
# Judges the projects of the corpus and holds what comes of it against the committed snapshot.
#
#   tests/corpus/run.sh [ci]        with `ci`, only the projects that projects.tsv marks so
#   UPDATE=1 tests/corpus/run.sh    writes the snapshot
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
part=${1:-}
[ -z "$part" ] || [ -z "${UPDATE:-}" ] || { echo "error: only the whole corpus writes the snapshot" >&2; exit 2; }

column() { awk -F '\t' -v part="$part" -v column="$1" 'part == "" || $5 == part { print $column }' tests/corpus/projects.tsv; }
mapfile -t projects < <(column 1)
mapfile -t clients < <(column 2 | sort -u)
tests/toolchain.sh corpus "$kept/tools" "${clients[@]}"
export PATH=$PATH:$kept/tools/go/bin

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
        rm -rf "$copy"
    done
done <"$kept/folders.tsv"

python3 tests/corpus/summarize.py "$results" "${projects[@]}" >"$kept/snapshot.tsv"
if [ -n "${UPDATE:-}" ]; then
    cp "$kept/snapshot.tsv" "$snapshot"
    echo "$snapshot is written: look at its changes"
elif diff --unified=0 <(awk -F '\t' 'NR == FNR { asked[$1]; next } FNR == 1 || $1 in asked' "$kept/folders.tsv" "$snapshot") \
    "$kept/snapshot.tsv"; then
    echo "${#projects[@]} projects: as in $snapshot"
else
    echo "error: the corpus is judged otherwise than $snapshot says. Where that is right: make corpus UPDATE=1" >&2
    exit 1
fi
