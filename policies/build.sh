#!/usr/bin/env bash
# Builds rules to components.
#
#   policies/build.sh            each folder of rules as one component: target/rules/PACK.wasm
#   policies/build.sh RULE...    each rule as a component of its own: target/rule/RULE.wasm
#
# Rust for WebAssembly comes from rustup (`rustup target add wasm32-unknown-unknown`) where that
# target is installed, else from Debian's rustc-web with its library sources; which one is said.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

target=wasm32-unknown-unknown
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

# Builds the packs that are named, each with the rules that its variable lists. The target directory is not one of the
# host's: two compilers never share one, and the host is not built again.
build() { # DIRECTORY PACK...
    local directory=$1 selection=()
    shift
    for pack in "$@"; do selection+=(-p "$pack"); done
    CARGO_TARGET_DIR=$directory cargo component build --quiet --profile rule --target "$target" "${selection[@]}"
}

# What the SDK's pack/build.rs reads.
variable() { # PACK
    local name=${1^^}
    echo "POLICY_RULES_${name//-/_}"
}

# Copies what is new, so that nothing is built again for what is not.
copy() { # FROM TO
    cmp -s "$1" "$2" || cp "$1" "$2"
}

[ -n "${QUIET:-}" ] || echo "rules: $toolchain"
if [ $# -eq 0 ]; then
    directory="${POLICY_TARGET_DIR:-$PWD/target/rules}"
    packs=()
    for manifest in policies/*/Cargo.toml; do
        pack=$(basename "$(dirname "$manifest")")
        rules=$(cd "policies/$pack" && shopt -s nullglob && for rule in */policy.rs; do echo "${rule%/*}"; done | xargs)
        [ -n "$rules" ] || continue
        packs+=("$pack")
        export "$(variable "$pack")=$rules"
    done
    build "$directory" "${packs[@]}"
    for pack in "${packs[@]}"; do
        copy "$directory/$target/rule/${pack//-/_}.wasm" "$directory/$pack.wasm"
    done
else
    directory="${POLICY_TARGET_DIR:-$PWD/target/rule}"
    for rule in "$@"; do
        source=$(echo policies/*/"$rule"/policy.rs)
        [ -f "$source" ] || { echo "error: there is no rule policies/*/$rule" >&2; exit 2; }
        pack=$(basename "$(dirname "$(dirname "$source")")")
        export "$(variable "$pack")=$rule"
        build "$directory" "$pack"
        copy "$directory/$target/rule/${pack//-/_}.wasm" "$directory/$rule.wasm"
    done
fi
