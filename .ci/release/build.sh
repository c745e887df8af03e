#!/usr/bin/env bash
# Builds what is released for a target, as an archive in target/archives. All targets can be built on one Linux machine.
#
#   .ci/release/build.sh [TARGET]     the machine's own by default, on Linux linked statically with musl
#
# PROFILE=release builds in a fraction of the time, for a look.
set -euo pipefail
cd "$(dirname "$0")/../.."

machine=$(uname -m)
machine=${machine/arm64/aarch64}
case $(uname -s) in
Linux) own=$machine-unknown-linux-musl ;;
Darwin) own=$machine-apple-darwin ;;
*) own=$machine-pc-windows-gnu ;;
esac
target=${1:-$own}
profile=${PROFILE:-dist}

tools=$PWD/target/release-tools
tests/toolchain.sh release "$tools" "$target"
export PATH=$tools/cargo-zigbuild/bin:$PATH CARGO_ZIGBUILD_ZIG_PATH=$tools/ziglang/ziglang/zig

# The rules, and a program that runs here and compiles them for the target. Compilers for other processors than this
# machine's are a feature.
policies/build.sh
if [ "${target%%-*}" = "$machine" ]; then
    cargo build --release --quiet -p policy-host --bin policy-host
    packer=target/release/policy-host
else
    cargo build --release --quiet --features cross --target-dir target/cross -p policy-host --bin policy-host
    packer=target/cross/release/policy-host
fi
pack=target/release-packs/$target
"$packer" pack --components target/rules --policies policies --bundles bundles --out "$pack" --target "$target"

# No path of this machine is in the program.
flags="--remap-path-prefix=$PWD=policy-host"
for folder in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
    flags+=" --remap-path-prefix=$folder=crates"
done
case $target in
*-apple-*)
    if [ "$(uname -s)" != Darwin ]; then
        python3 .ci/release/frameworks.py "$target" "target/release-tools/frameworks/$target"
        flags+=" -Lframework=$PWD/target/release-tools/frameworks/$target"
    fi
    ;;
esac
variable=CARGO_TARGET_$(tr a-z- A-Z_ <<<"$target")_RUSTFLAGS
export "$variable=$flags" POLICY_HOST_PACK=$PWD/$pack/embedded.pack
command=(cargo zigbuild)
[ "$(uname -s)" = Linux ] || command=(cargo build)
"${command[@]}" --profile "$profile" --quiet --target "$target" -p policy-host --bin policy-host

binary=target/$target/$profile/policy-host
[ -f "$binary" ] || binary=$binary.exe
python3 .ci/release/release.py archive "$target" "$binary" "$packer" target/archives
case $target in
x86_64-*-linux-musl) platform=linux/amd64 ;;
aarch64-*-linux-musl) platform=linux/arm64 ;;
*) exit 0 ;;
esac
# What the Dockerfile takes.
install -D -m 0755 "$binary" "target/image/$platform/policy-host"
