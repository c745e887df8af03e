#!/usr/bin/env python3
"""Holds the fields that rules read of engines' objects against those that the engines define.

    check.py HOST COMPONENT...                 fails when a rule reads a field that is not in fields.tsv
    check.py --kinds HOST COMPONENT...         prints the kinds that rules read
    check.py --used FIELDS HOST COMPONENT...   prints those of FIELDS that rules read

An engine's object is one of Argo, Flagger, Flux, Kargo, cert-manager, External Secrets, the Gateway API, Istio, KEDA,
Karpenter or the Prometheus operator. A rule that applies to several kinds may read a field that one of them has.
"""

import json
import pathlib
import re
import subprocess
import sys

GROUPS = re.compile(
    r"^(argoproj\.io|flagger\.app|[a-z]+\.toolkit\.fluxcd\.io|kargo\.akuity\.io|cert-manager\.io|external-secrets\.io"
    r"|gateway\.networking\.k8s\.io|(networking|security|telemetry)\.istio\.io|keda\.sh|karpenter\.sh"
    r"|monitoring\.coreos\.com)/"
)
# Kinds whose definition no Go module holds that can be fetched, and why.
UNKNOWN = {
    "kargo.akuity.io/Stage": "the proxy does not serve Kargo's modules",
    "kargo.akuity.io/Project": "the proxy does not serve Kargo's modules",
    "kargo.akuity.io/Warehouse": "the proxy does not serve Kargo's modules",
}
HERE = pathlib.Path(__file__).parent


def manifests(host, components):
    for component in components:
        said = subprocess.run([host, "inspect", "--format", "json", component], check=True, capture_output=True)
        yield from json.loads(said.stdout)["rules"]


def paths_in(value):
    """The paths in a value of a relation: `PATH|PATH=TEXT`, and lists of those."""
    for term in value if isinstance(value, list) else [value]:
        term = term.split("=", 1)[0]
        yield from (path for path in term.split("|") if path)


def sides(relation):
    """The paths that a relation looks at here and there."""
    here, there = [], []
    for name, given in relation.items():
        if name in ("selects", "selected", "same"):
            here += paths_in(given.get("here", []))
            there += paths_in(given.get("there", []))
        elif name in ("names", "named"):
            side = there if name == "names" else here
            for field in ("kind", "group", "name", "namespace"):
                side += paths_in(given.get(field, []))
    return here, there


def questions(rule):
    """Which paths a rule reads of which kinds."""
    queries = {query["name"]: query for query in rule.get("inventory", [])}
    subject = list(rule.get("reads", []))
    for query in queries.values():
        here, there = sides(query.get("relation") or {})
        via = query.get("via")
        if via:
            yield queries[via]["kinds"], here
        else:
            subject += here
        yield query["kinds"], list(query.get("reads", [])) + there
    yield rule["appliesTo"], subject


def field_of(path):
    """A path as a definition has it; none for what every object has."""
    path = path.split(":", 1)[0]
    path = path.removeprefix("object.")
    is_own = path.split(".", 1)[0].split("[", 1)[0] in ("spec", "data")
    return path if is_own else None


def found(fields, path):
    """The field by which a path exists: itself, one key of a map, or something that is open below."""
    if path in fields:
        return path
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        start = ".".join(parts[:end])
        for known in (start + ".**", start.removesuffix("[*]") + ".**"):
            if known in fields:
                return known
    pattern = re.compile("^" + r"\.".join(r"(\*|%s)" % re.escape(part) for part in parts) + "$")
    return next((field for field in sorted(fields) if ".*" in field and pattern.match(field)), None)


def read_fields(file):
    known = {}
    for line in pathlib.Path(file).read_text().splitlines():
        if not line.startswith("#"):
            kind, field = line.split("\t")
            known.setdefault(kind, set()).add(field)
    return known


def main():
    arguments = sys.argv[1:]
    mode = arguments.pop(0) if arguments[0].startswith("--") else ""
    fields = arguments.pop(0) if mode == "--used" else HERE / "fields.tsv"
    host, *components = arguments
    asked = [(rule["id"], kinds, paths) for rule in manifests(host, components) for kinds, paths in questions(rule)]
    if mode == "--kinds":
        kinds = {kind for _, kinds, _ in asked for kind in kinds if GROUPS.match(kind)}
        print("\n".join(sorted(kinds - UNKNOWN.keys())))
        return
    known = read_fields(fields)
    faults, used, count = set(), set(), 0
    for rule, kinds, paths in asked:
        engines = [kind for kind in kinds if GROUPS.match(kind) and kind not in UNKNOWN]
        for path in filter(None, map(field_of, paths)):
            having = [(kind, found(known.get(kind, set()), path)) for kind in engines]
            used |= {(kind, field) for kind, field in having if field}
            # What a kind that is no engine's may have is not judged.
            if engines and len(engines) == len(kinds):
                count += 1
                if not any(field for _, field in having):
                    faults.add(f"{rule}: `{path}` of {', '.join(engines)}")
    if mode == "--used":
        print("\n".join(f"{kind}\t{field}" for kind, field in sorted(used)))
    elif faults:
        print("\n".join(sorted(faults)), file=sys.stderr)
        print("error: fields that tests/engines/fields.tsv does not have. If they are new: make engines UPDATE=1", file=sys.stderr)
        sys.exit(1)
    else:
        print(f"{count} fields of engines' objects that rules read are defined")


main()
