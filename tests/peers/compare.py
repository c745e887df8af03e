#!/usr/bin/env python3
"""Holds what the rules find beside what another tool finds, object by object, and the kinds of differences against the
committed list.

    compare.py RULES RESULTS TOOL CODE DIFFERENCES [DETAILS]

RULES is what `policy-host list --format json` says, RESULTS a folder of what `policy-host eval --format json` says, TOOL a file of
lines of JSON, `{"file": …, "kind": …, "name": …, "checks": {ID: true where it fired}}`, with an empty kind where the
tool tells of files, or of the folders of modules of Terraform. CODE is the tool's in `peers` of the rules. DETAILS is
written: every difference with its place.
"""

import collections
import glob
import json
import os
import re
import sys

# What holds for every rule that is asked about an object.
GENERAL = ["its owner is checked instead", "not all of it is known"]
UNKNOWN = "no rule judges it"
# A rule that has several checks of the tool is silent on none of them where it finds something for one.
SHARED = "the tool has it under another check of the same rule"
COLUMNS = ["peer", "check", "fires", "here", "reason"]


def general(reason):
    """A reason without what only holds for one document."""
    reason = re.sub(r"^not all of the (\w+) \S+ is known", r"not all of the \1 is known", reason)
    return re.sub(r"\d+", "N", re.sub(r"`[^`]*`", "`…`", reason.split(": ")[0]))


def codes(outcome, folder=None):
    """The kinds of its findings, in files of the folder."""
    findings = outcome.get("findings", [])
    if folder is not None:
        findings = [it for it in findings if os.path.dirname(os.path.normpath(it["location"]["file"])) == folder]
    return ", ".join(sorted({finding["code"] for finding in findings}))


def ours(folder):
    """For each object of a file the outcome of each rule, the worst first."""
    objects = collections.defaultdict(dict)
    documents = (one for path in glob.glob(f"{folder}/*.json") for one in json.load(open(path))["documents"])
    for document in documents:
        subject = document["subject"]
        names = (os.path.normpath(document["location"]["file"]), subject["kind"], subject.get("name") or "")
        for outcome in document["outcomes"]:
            said = outcome["outcome"]
            found = said == "fail" or bool(outcome.get("findings"))
            if found:
                said = codes(outcome) or "fail"
            elif outcome.get("reason"):
                said += ": " + general(outcome["reason"])
            keys = [names, (names[0], "", "")]
            if subject["kind"] == "TerraformModule":
                # What is found in a module that this one calls is found there.
                keys = [(os.path.dirname(names[0]), "", "")]
                folders = {os.path.dirname(os.path.normpath(it["location"]["file"])) for it in outcome.get("findings", [])}
                found = keys[0][0] in folders
                if found or said == "fail":
                    said = codes(outcome, keys[0][0]) or "pass"
                for folder in folders - {keys[0][0]}:
                    objects[folder, "", ""][outcome["rule"]] = (True, codes(outcome, folder))
            for key in keys:
                before = objects[key].get(outcome["rule"])
                if before is None or found and not before[0]:
                    objects[key][outcome["rule"]] = (found, said)
    return objects


def main(rules, results, tool, code, committed, details=None):
    checks, theirs = collections.defaultdict(list), collections.defaultdict(list)
    for rule in json.load(open(rules)):
        for peer in rule.get("peers", []):
            checks[peer].append(rule["id"])
            if peer.startswith(f"{code}:"):
                theirs[rule["id"]].append(peer.split(":")[1])
    objects = ours(results)
    found = collections.Counter()
    differences = collections.defaultdict(list)
    for line in open(tool):
        one = json.loads(line)
        place = (os.path.normpath(one["file"]), one["kind"], one["name"])
        outcomes = objects.get(place)
        if outcomes is None:
            continue
        for check, fires in one["checks"].items():
            named = checks.get(f"{code}:{check}")
            if not named:
                continue
            here = {rule: outcomes[rule] for rule in named if rule in outcomes}
            also = any(it[0] for it in here.values())
            found[check, fires, also] += 1
            if fires != also:
                said = "; ".join(f"{rule}: {said}" for rule, (is_found, said) in sorted(here.items()) if is_found == also)
                kind = (check, "there" if fires else "here", said or UNKNOWN)
                for general in GENERAL:
                    if here and all(general in said for _, said in here.values()):
                        kind = ("*", "there", general)
                if not here:
                    kind = ("*", "there", UNKNOWN)
                if also and all(
                    any(other != check and one["checks"].get(other) for other in theirs[rule])
                    for rule, (is_found, _) in here.items()
                    if is_found
                ):
                    kind = ("*", "here", SHARED)
                differences[kind].append(" ".join(place))
    for check in sorted({check for check, _, _ in found}):
        both, there, here, none = (found[check, *it] for it in [(True, True), (True, False), (False, True), (False, False)])
        print(f"{code}:{check}: {both} found by both, {there} only there, {here} only here, {none} by none")
    if details:
        with open(details, "w") as file:
            for kind, places in sorted(differences.items()):
                for place in places:
                    print(code, *kind, place, sep="\t", file=file)
    lines = [line.rstrip("\n").split("\t") for line in open(committed)]
    if lines[0] != COLUMNS or any(len(line) != len(COLUMNS) or not line[4] for line in lines):
        sys.exit(f"error: {committed} has the columns {', '.join(COLUMNS)}, none of them empty")
    known = {tuple(line[1:4]) for line in lines[1:] if line[0] == code}
    new = [(kind, places) for kind, places in sorted(differences.items()) if kind not in known]
    for kind, places in new:
        print("new:", code, *kind, f"{len(places)} times, as in {places[0]}", sep="\t")
    for kind in sorted(known - set(differences)):
        print("no longer so:", code, *kind, sep="\t")
    if new or known - set(differences):
        sys.exit(f"error: {code}: {committed} says otherwise")
    print(f"{code}: {sum(found.values())} answers compared, {len(known)} kinds of differences, all of them with a reason")


main(*sys.argv[1:])
