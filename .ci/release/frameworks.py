#!/usr/bin/env python3
"""Writes stubs of the macOS frameworks that the program links to, for a linker without Apple's SDK.

  frameworks.py TARGET OUT

A stub (.tbd) names where a framework is on every Mac, and what is in it: here what the crates that link to it declare.
"""

import json
import pathlib
import re
import subprocess
import sys

LINK = re.compile(r'link\(\s*name\s*=\s*"(\w+)"\s*,\s*kind\s*=\s*"framework"\s*\)')
DIRECTIVE = re.compile(r"cargo:+rustc-link-lib=framework=(\w+)")
# Functions and constants of `extern` blocks, with the names that C has.
DECLARED = re.compile(r"^\s*(?:pub )?(?:safe )?(?:fn|static(?: mut)?) (\w+)\s*[(:]", re.MULTILINE)
EXTERN = re.compile(r'extern\s*"C(?:-unwind)?"\s*\{')
ARCHITECTURES = {"aarch64": "arm64", "x86_64": "x86_64"}


def crates(target):
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    used = {node["id"] for node in metadata["resolve"]["nodes"]}
    for package in metadata["packages"]:
        if package["id"] in used and package["source"]:
            yield pathlib.Path(package["manifest_path"]).parent


def blocks(text):
    """What stands in the `extern` blocks of a file."""
    for start in EXTERN.finditer(text):
        depth, end = 1, start.end()
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        yield text[start.end() : end]


def declared(target):
    """What is declared of each framework. Where a crate links to several, each gets all of it: a symbol that a framework
    lacks would be missed when the program starts, so nobody may use one: release.yml starts each."""
    frameworks = {}
    for folder in crates(target):
        sources = {path: path.read_text(errors="replace") for path in folder.rglob("*.rs")}
        linked = {name for text in sources.values() for rule in (LINK, DIRECTIVE) for name in rule.findall(text)}
        symbols = {name for text in sources.values() for block in blocks(text) for name in DECLARED.findall(block)}
        for name in linked if symbols else ():
            frameworks.setdefault(name, set()).update(symbols)
    return frameworks


def main(target, out):
    architecture = f"{ARCHITECTURES[target.split('-')[0]]}-macos"
    for name, symbols in sorted(declared(target).items()):
        folder = pathlib.Path(out) / f"{name}.framework"
        folder.mkdir(parents=True, exist_ok=True)
        names = ", ".join(f"_{symbol}" for symbol in sorted(symbols))
        (folder / f"{name}.tbd").write_text(
            "--- !tapi-tbd\n"
            "tbd-version: 4\n"
            f"targets: [ {architecture} ]\n"
            f"install-name: '/System/Library/Frameworks/{name}.framework/Versions/A/{name}'\n"
            "exports:\n"
            f"  - targets: [ {architecture} ]\n"
            f"    symbols: [ {names} ]\n"
            "...\n"
        )
        print(f"{name}: {len(symbols)} symbols")


if __name__ == "__main__":
    main(*sys.argv[1:])
