#!/usr/bin/env bash
# Builds rules to components: all of them, or those that are named.
#
# Rust for WebAssembly comes from rustup (`rustup target add wasm32-unknown-unknown`) where that
# target is installed, else from Debian's rustc-web with its library sources; which one is said.
set -euo pipefail
cd "$(dirname "$0")/.."

target=wasm32-unknown-unknown
# A target directory of their own: two compilers never share one, and the host is not built again.
export CARGO_TARGET_DIR="${POLICY_TARGET_DIR:-$PWD/target/rules}"

sysroot=$(rustc --print sysroot)
if [ -d "$sysroot/lib/rustlib/$target/lib" ]; then
    toolchain="rustup's $(rustc --version)"
elif [ -x /usr/bin/rustc ] && [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library" ]; then
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort
    lld=$(echo "$sysroot"/lib/rustlib/*/bin/rust-lld)
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$lld
    toolchain="Debian's $(/usr/bin/rustc --version), with its standard library built from source"
else
    echo "error: there is no Rust standard library for $target" >&2
    echo "  rustup target add $target        where rustup can download" >&2
    echo "  make toolchain                   on Debian" >&2
    exit 2
fi

selection=(--workspace --exclude policy-host --exclude policy-sdk)
if [ $# -gt 0 ]; then
    selection=()
    for rule in "$@"; do selection+=(-p "$rule"); done
fi

[ -n "${QUIET:-}" ] || echo "rules: $toolchain"
exec cargo component build --quiet --profile rule --target "$target" "${selection[@]}"
