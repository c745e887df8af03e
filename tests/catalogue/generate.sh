#!/usr/bin/env bash
# Makes a repository of many rules, to see that size, build and cost hold for a whole catalogue: the rules of
# policies/, again and again under other names and with other messages, so that the compiler cannot fold them together.
#
#   tests/catalogue/generate.sh RULES PACKS DIRECTORY
set -euo pipefail
export LC_ALL=C
count=${1:?how many rules} packs=${2:?in how many packs} out=${3:?where to}
root=$(cd "$(dirname "$0")/../.." && pwd)

mkdir -p "$out/policies" "$out/bundles"
cp -r "$root/wit" "$root/rustfmt.toml" "$root/.cargo" "$root/Cargo.lock" "$out/"
cp -r "$root/policies/sdk" "$root/policies/build.sh" "$out/policies/"
# The workspace without the host.
sed -e '/^default-members/d' -e '/^# With the SDK/d' -e 's/"host", //' "$root/Cargo.toml" >"$out/Cargo.toml"

sources=("$root"/policies/*/*/policy.rs)
{
    echo "name: everything"
    echo "version: 1.0.0"
    echo "rules:"
} >"$out/bundles/everything.yaml"
for ((number = 0; number < count; number++)); do
    source=${sources[number % ${#sources[@]}]}
    pack=pack-$(printf %02d $((number % packs)))
    rule=$(basename "$(dirname "$source")")-$(printf %03d "$number")
    folder=$out/policies/$pack/$rule
    mkdir -p "$folder"
    # A message of its own, and so code of its own; of names that the rule had, one may have them.
    sed -e "s/format!(\"/format!(\"$number: /g" -e "/^    renamed_from: /d" "$source" >"$folder/policy.rs"
    echo "  - $rule" >>"$out/bundles/everything.yaml"
    [ -f "$out/policies/$pack/Cargo.toml" ] ||
        sed "s/\"example\"/\"$pack\"/" "$root/tests/examples/rust/Cargo.toml" >"$out/policies/$pack/Cargo.toml"
done
echo "$count rules in $packs packs: $out"
