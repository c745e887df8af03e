#!/usr/bin/env python3
"""Runs hadolint or zizmor over the files of a kind that the host found, and prints a line of JSON for each file.

    files.py hadolint|zizmor PROGRAM RESULTS

RESULTS is a folder of what `policy-host eval --format json` says.
"""

import collections
import glob
import json
import os
import subprocess
import sys

BATCH = 50


def hadolint(program, files):
    said = subprocess.run([program, "--no-fail", "--format", "json", *files], capture_output=True, text=True)
    for one in json.loads(said.stdout or "[]"):
        # ShellCheck's are one row of the list.
        yield one["file"], "SC" if one["code"].startswith("SC") else one["code"]


def zizmor(program, files):
    options = ["--offline", "--no-config", "--no-exit-codes", "--no-progress", "--format", "json"]
    said = subprocess.run([program, *options, *files], capture_output=True, text=True)
    for one in json.loads(said.stdout or "[]"):
        for location in one["locations"]:
            key = location["symbolic"]["key"]
            if location["symbolic"]["kind"] == "Primary" and "Local" in key:
                yield os.path.normpath(key["Local"]["verbatim_path"]), one["ident"]


TOOLS = {"hadolint": (hadolint, "HL", "Dockerfile"), "zizmor": (zizmor, "ZZ", "GitHubWorkflow")}


def main(name, program, results):
    run, code, kind = TOOLS[name]
    checks = [line.split("\t")[1] for line in open(f"{os.path.dirname(__file__)}/checks.tsv") if line.startswith(code + "\t")]
    files = set()
    for path in glob.glob(f"{results}/*.json"):
        for document in json.load(open(path))["documents"]:
            if document["subject"]["kind"] == kind and os.path.isfile(document["location"]["file"]):
                files.add(os.path.normpath(document["location"]["file"]))
    fired = collections.defaultdict(set)
    files = sorted(files)
    for start in range(0, len(files), BATCH):
        for file, check in run(program, files[start : start + BATCH]):
            fired[file].add(check)
    for file in files:
        print(json.dumps({"file": file, "kind": "", "name": "", "checks": {it: it in fired[file] for it in checks}}))


main(*sys.argv[1:])
