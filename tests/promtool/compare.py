"""Collects rule files, asks promtool and policy-host about each, and prints where they differ.

python3 compare.py HOST KEPT FOLDER...
"""

import json
import os
import re
import shutil
import subprocess
import sys

host, kept, folders = sys.argv[1], sys.argv[2], sys.argv[3:]
cases = os.path.join(kept, "cases")
shutil.rmtree(cases, ignore_errors=True)
os.makedirs(cases)

# A rule file as Prometheus reads it, cut out of a document with other lines around it.
OBJECT = re.compile(r"^kind: *[\"']?PrometheusRule[\"']?\s*$", re.M)
FILE = re.compile(r"^groups:", re.M)
TEMPLATE = re.compile(r"\{\{-|^\s*\{\{|\{\{ *(\.Values|include|template|if|end|range)", re.M)


def spec(document):
    """The `spec` of a PrometheusRule, without its indentation."""
    lines = document.split("\n")
    start = next((at for at, line in enumerate(lines) if re.match(r"spec:\s*(#.*)?$", line)), None)
    if start is None:
        return None
    kept_lines = []
    for line in lines[start + 1 :]:
        if line and not line[0].isspace() and not line.startswith(("-", "#")):
            break
        kept_lines.append(line)
    indents = [len(line) - len(line.lstrip()) for line in kept_lines if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join(line[min(indents, default=0) :] if line.strip() else "" for line in kept_lines) + "\n"


origin = {}
for folder in folders:
    for directory, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if name not in (".git", "node_modules"))
        for name in sorted(files):
            path = os.path.join(directory, name)
            if not name.endswith((".yaml", ".yml", ".rules")) or os.path.islink(path):
                continue
            try:
                text = open(path, encoding="utf-8").read()
            except (OSError, UnicodeDecodeError):
                continue
            for at, document in enumerate(re.split(r"^---.*$", text, flags=re.M)):
                # What Mimir's tool and Loki's take has a namespace beside its groups.
                if re.search(r"^namespace:", document, re.M):
                    continue
                if OBJECT.search(document) and not TEMPLATE.search(document):
                    document = spec(document)
                elif not FILE.search(document) or "rules:" not in document or TEMPLATE.search(document):
                    continue
                if document and ("expr:" in document):
                    case = f"{len(origin):04}.yaml"
                    open(os.path.join(cases, case), "w", encoding="utf-8").write(document.lstrip("\n"))
                    origin[case] = f"{path}#{at}"

output = subprocess.run(
    [host, "eval", "--no-config", "--no-cache", "--bundle", os.environ.get("BUNDLE", "strict"), "--select", "promql-parses",
     "--format", "json", "--fail-on", "never", "."],
    cwd=cases, capture_output=True, text=True, check=False,
)
results = json.loads(output.stdout)
ours, judged, of_loki = {}, set(), set()
for error in results["errors"]:
    ours.setdefault(os.path.basename(error["file"]), error["message"])
for document in results["documents"]:
    file = os.path.basename(document["location"]["file"])
    judged.add(file)
    for outcome in document["outcomes"]:
        if outcome["outcome"] == "not-applicable":
            of_loki.add(file)
        for finding in outcome.get("findings", []):
            ours.setdefault(file, finding["message"])

differ = agreed = refused = unknown = 0
for case, path in sorted(origin.items()):
    # Rules of Loki look alike, and are no matter of Prometheus.
    if case in of_loki:
        continue
    check = subprocess.run(
        [os.path.join(kept, "promtool"), "check", "rules", "--lint=none", os.path.join(cases, case)],
        capture_output=True, text=True, check=False,
    )
    theirs = None if check.returncode == 0 else " ".join((check.stderr + check.stdout).split())[:300]
    if case not in judged and case not in ours:
        # Without groups that have names and rules it is not known to be one.
        print(f"{path}: policy-host takes it for no rule file; promtool: {theirs or 'valid'}")
        unknown += theirs is not None
        differ += theirs is None
    elif (theirs is None) == (case not in ours):
        agreed += 1
        refused += theirs is not None
    else:
        differ += 1
        print(f"{path} ({case}):\n  promtool:    {theirs or 'valid'}\n  policy-host: {ours.get(case, 'valid')}")
print(f"{len(origin)} rule files, {len(of_loki)} of Loki: {agreed} alike, of which {refused} are refused by both; "
      f"{unknown} refused and not known as such; {differ} otherwise")
sys.exit(1 if differ else 0)
