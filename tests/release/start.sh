#!/usr/bin/env bash
# Starts the program of an archive in target/archives where it can run, and holds that it judges with the machine code
# that it brings along: whatever it has to compile itself would be kept in its cache.
#
#   tests/release/start.sh TARGET [RUNNER...]     RUNNER is what starts it, such as qemu-aarch64-static
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$1
shift
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
name=policy-host-$version-$target
program=$folder/$name/policy-host
case $target in
*-windows-*)
    program+=.exe
    if command -v unzip >/dev/null; then
        unzip -q "target/archives/$name.zip" -d "$folder"
    else
        python3 -m zipfile -e "target/archives/$name.zip" "$folder"
    fi
    ;;
*) tar xzf "target/archives/$name.tar.gz" -C "$folder" ;;
esac
start() { "$@"; }
fail() {
    echo "error: $*" >&2
    exit 1
}
said=$(start "$@" "$program" --version | tr -d '\r')
[ "$said" = "policy-host $version" ] || fail "--version says: $said"

mkdir "$folder/cache"
export POLICY_HOST_CACHE=$folder/cache
if command -v cygpath >/dev/null; then POLICY_HOST_CACHE=$(cygpath -w "$folder/cache"); fi
code=0
start "$@" "$program" eval --format concise tests/sample-repository > "$folder/findings" || code=$?
[ "$code" = 1 ] || fail "exit code $code"
grep -q "pss-\|probe" "$folder/findings" || fail "no finding of the sample repository: $(head -3 "$folder/findings")"
compiled=$(find "$folder/cache" -name '*.cwasm' | wc -l)
[ "$compiled" -eq 0 ] || fail "$compiled components had to be compiled: the embedded code does not fit"
echo "$name starts, and finds $(wc -l < "$folder/findings") faults in the sample repository"
