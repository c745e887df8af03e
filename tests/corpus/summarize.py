"""Sums up the results of a corpus: what tests/corpus/snapshot.tsv holds.

    summarize.py RESULTS PROJECT...

A line is a project, what is counted, and the count by each bundle. Fails where no snapshot could be right: a rule that
could not run, a fix after which a file cannot be read, a second run of fixes that changes something, and what meaning.py
tells: a fix that changes something else than it says, in the files or in what kustomize builds of them.
"""

import collections
import json
import pathlib
import re
import sys

BUNDLES = ["default", "twelve-factor", "strict"]
FIXES = ["safe", "unsafe"]


def read(path):
    """The results of one run; none where there was nothing to judge."""
    text = path.read_text()
    return json.loads(text) if text else {"summary": {"documents": 0, "templates": 0}, "errors": [], "documents": []}


def without_names(reason):
    """A reason without what stands between backticks, so that equal reasons are one line."""
    return re.sub(r"`[^`]*`", "`…`", reason)


def unreadable(results, with_line=True):
    """The inputs that could not be read, with what is wrong."""
    for error in results["errors"]:
        place = ""
        if "location" in error:
            line = f":{error['location']['line']}" if with_line else ""
            place = f"{error['location']['file']}{line}: "
        yield " ".join(f"{place}{error['message']}".split())


def counted(results):
    """What is counted in the results of one run, by kind and name."""
    counts = collections.Counter()
    summary = results["summary"]
    counts["documents", "judged"] = summary["documents"]
    counts["templates", "passed over"] = summary["templates"]
    for message in unreadable(results):
        counts["unreadable", message] += 1
    for document in results["documents"]:
        for outcome in document["outcomes"]:
            for finding in outcome.get("findings", []):
                counts["finding", f"{outcome['rule']}/{finding['code']}"] += 1
            if outcome["outcome"] == "not-evaluated":
                counts["not-evaluated", f"{outcome['rule']}: {without_names(outcome['reason'])}"] += 1
    return counts


def failures(results):
    """The rules that could not run."""
    for document in results["documents"]:
        for outcome in document["outcomes"]:
            if outcome["outcome"] == "error":
                yield f"{outcome['rule']} could not run: {outcome['reason']}"


def changed(before, after):
    """How many files differ between two lists of checksums."""
    lines = [set(path.read_text().splitlines()) for path in (before, after)]
    return len({line.split("  ", 1)[1] for line in lines[0] ^ lines[1]})


def main(folder, projects):
    problems = []
    print("project", "what", "name", *BUNDLES, sep="\t")
    for project in projects:
        runs = {bundle: read(folder / f"{project}.{bundle}.json") for bundle in BUNDLES}
        counts = {bundle: counted(results) for bundle, results in runs.items()}
        codes = [(folder / f"{project}.{bundle}.json.code").read_text().strip() for bundle in BUNDLES]
        print(project, "exit code", "", *codes, sep="\t")
        for kind, name in sorted(set().union(*counts.values())):
            print(project, kind, name, *(counts[bundle][kind, name] for bundle in BUNDLES), sep="\t")
        for bundle, results in runs.items():
            problems += [f"{project}, {bundle}: {failure}" for failure in sorted(set(failures(results)))]
        known = set(unreadable(runs["strict"], with_line=False))
        before = folder / f"{project}.before.sums"
        for fix in FIXES:
            first, second = (folder / f"{project}.{fix}-{run}.sums" for run in (1, 2))
            print(project, "files fixed", fix, "", "", changed(before, first), sep="\t")
            if changed(first, second):
                problems.append(f"{project}: a second run of --fix={fix} changes {changed(first, second)} files")
            fixed = read(folder / f"{project}.{fix}-2.json")
            errors = [error for error in unreadable(fixed, with_line=False) if error not in known]
            problems += [f"{project}: after --fix={fix}: {error}" for error in errors]
            meanings = (folder / f"{project}.{fix}.meaning").read_text().splitlines()
            problems += [f"{project}: --fix={fix}: {meaning}" for meaning in meanings]
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
