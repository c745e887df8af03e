#!/usr/bin/env python3
"""Runs kube-score over each folder of manifests alone, and prints a line of JSON for each object.

    kube_score.py KUBE-SCORE RESULTS

RESULTS, a folder of what `policy-host eval --format json` says, tells which files have objects. Where kube-score refuses a
folder, each file is asked about alone, and files that it refuses are counted.
"""

import collections
import glob
import json
import os
import subprocess
import sys

OPTIONAL = [
    "container-seccomp-profile",
    "container-ports-check",
    "container-resource-requests-equal-limits",
    "container-cpu-requests-equal-limits",
    "container-memory-requests-equal-limits",
    "container-ephemeral-storage-request-equals-limit",
]
# Up to this grade kube-score reports something.
WARNING = 5


def score(tool, files):
    """What it says of each object, and None where it cannot read a file."""
    options = [word for check in OPTIONAL for word in ("--enable-optional-test", check)]
    options += ["--disable-ignore-checks-annotations", "--disable-optional-checks-annotations", "--output-format", "json"]
    said = subprocess.run([tool, "score", *options, *files], capture_output=True, text=True).stdout
    try:
        return json.loads(said) or []
    except ValueError:
        return None


def main(tool, results):
    folders = collections.defaultdict(set)
    documents = (one for path in glob.glob(f"{results}/*.json") for one in json.load(open(path))["documents"])
    for document in documents:
        path = document["location"]["file"]
        if document["subject"].get("version") and os.path.isfile(path):
            folders[os.path.dirname(path)].add(path)
    refused = 0
    for _, files in sorted(folders.items()):
        asked = score(tool, sorted(files))
        if asked is None:
            asked = []
            for file in sorted(files):
                alone = score(tool, [file])
                refused += alone is None
                asked += alone or []
        for one in asked:
            checks = {it["check"]["id"]: it["grade"] <= WARNING for it in one["checks"] if not it["skipped"]}
            kind, name = one["type_meta"]["kind"], one["object_meta"].get("name") or ""
            print(json.dumps({"file": os.path.relpath(one["file_name"]), "kind": kind, "name": name, "checks": checks}))
    print(f"kube-score: {refused} files cannot be read by it", file=sys.stderr)


main(*sys.argv[1:])
