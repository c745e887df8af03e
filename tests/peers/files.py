#!/usr/bin/env python3
"""Runs hadolint, zizmor, actionlint or checkov over the files that the host found, and prints a line of JSON for each file,
or for each folder where the tool reads modules of Terraform.

    files.py hadolint|zizmor|actionlint|checkov PROGRAM RESULTS

RESULTS is a folder of what `policy-host eval --format json` says.
"""

import collections
import glob
import json
import os
import re
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


def actionlint(program, files):
    # ShellCheck and pyflakes are not asked: scripts are theirs.
    said = subprocess.run(
        [program, "-no-color", "-shellcheck=", "-pyflakes=", "-format", "{{json .}}", *files], capture_output=True, text=True
    )
    for one in json.loads(said.stdout or "[]"):
        yield os.path.normpath(one["filepath"]), one["kind"]


def checkov(program, files):
    # Started once, in the folder of them all: it starts slowly, and reads modules by their folders.
    options = ["--directory", os.path.commonpath(files), "--framework", "dockerfile", "github_actions", "terraform"]
    options += ["--output", "json", "--quiet", "--compact", "--soft-fail", "--skip-download"]
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.abspath(program)))}
    said = subprocess.run([sys.executable, program, *options], capture_output=True, text=True, env=environment)
    reports = json.loads(said.stdout or "[]")
    for report in reports if isinstance(reports, list) else [reports]:
        for one in report.get("results", {}).get("failed_checks", []):
            file = os.path.relpath(one["file_abs_path"])
            yield os.path.dirname(file) if file.endswith(".tf") else file, one["check_id"]


# What it is run by, its code, and the kinds of what it reads.
TOOLS = {
    "hadolint": (hadolint, "HL", ["Dockerfile"]),
    "zizmor": (zizmor, "ZZ", ["GitHubWorkflow"]),
    "actionlint": (actionlint, "AL", ["GitHubWorkflow"]),
    "checkov": (checkov, "CK", ["Dockerfile", "GitHubWorkflow", "TerraformModule"]),
}
# The names that checkov reads; others it passes over.
DOCKERFILE = re.compile(r"^(.*\.)?dockerfile(\..*)?$", re.IGNORECASE)
# Checks of checkov that read only one kind.
READ = {"Dockerfile": "DOCKER", "GitHubWorkflow": "GHA"}


def reads(kind, check):
    """Whether the check is about this kind: one tool has them for several."""
    if not check.startswith("CKV"):
        return True
    middle = check.split("_")[1]
    return middle == READ[kind] if kind in READ else middle not in (*READ.values(), "K8S")


def main(name, program, results):
    run, code, kinds = TOOLS[name]
    checks = [line.split("\t")[1] for line in open(f"{os.path.dirname(__file__)}/checks.tsv") if line.startswith(code + "\t")]
    places = {}
    for path in glob.glob(f"{results}/*.json"):
        for document in json.load(open(path))["documents"]:
            kind, file = document["subject"]["kind"], os.path.normpath(document["location"]["file"])
            if run is checkov and kind == "Dockerfile" and not DOCKERFILE.search(os.path.basename(file)):
                continue
            if kind in kinds and os.path.isfile(file):
                places[os.path.dirname(file) if kind == "TerraformModule" else file] = kind
    files = set()
    for place, kind in places.items():
        files.update(glob.glob(f"{glob.escape(place)}/*.tf") if kind == "TerraformModule" else [place])
    fired = collections.defaultdict(set)
    files = sorted(files)
    batch = len(files) if run is checkov else BATCH
    for start in range(0, len(files), batch):
        for place, check in run(program, files[start : start + batch]):
            fired[place].add(check)
    for place, kind in sorted(places.items()):
        answers = {it: it in fired[place] for it in checks if reads(kind, it)}
        print(json.dumps({"file": place, "kind": "", "name": "", "checks": answers}))


main(*sys.argv[1:])
