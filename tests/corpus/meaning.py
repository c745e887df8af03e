"""Holds what fixes did to files against what they said that they would do, by parsers that are not the host's.

    meaning.py BEFORE AFTER KUSTOMIZE RESULTS...

BEFORE and AFTER are folders, RESULTS what the host found in them, with the fixes that it offers. Prints a line for each

- file that no longer parses, or whose documents differ in a field that no offered fix changes;
- kustomization that can be built no more, or builds objects that differ in a field that no file differs in.
"""

import collections
import filecmp
import json
import os
import pathlib
import re
import subprocess
import sys

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A plain `=`, which YAML 1.1 has a type for that nobody means.
LOADER.add_constructor("tag:yaml.org,2002:value", LOADER.construct_yaml_str)
KUSTOMIZATIONS = ["kustomization.yaml", "kustomization.yml", "Kustomization"]
BUILD_SECONDS = 120
# What fixes put beside a workload (the SDK's `beside`).
COMPANIONS = {"HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget", "ServiceMonitor"}


def without_positions(path):
    """A path with a star for each position in a list."""
    return tuple("*" if part == "-" or part.isdigit() else part for part in path)


def pointer(text):
    """The parts of a JSON pointer."""
    return without_positions(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def leaves(node, path=(), positions=()):
    """The values of a document that hold no others, each with its path and its positions in lists."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from leaves(value, (*path, str(key)), positions)
    elif isinstance(node, list) and node:
        for position, value in enumerate(node):
            yield from leaves(value, (*path, "*"), (*positions, position))
    else:
        yield path, positions, json.dumps(node, default=str)


def changed_paths(before, after):
    """The paths of what one document has and the other has not. What was empty and is filled is no change of its own."""
    one, other = (collections.Counter(leaves(node)) for node in (before, after))
    differences = (one - other) + (other - one)
    paths = {path for path, _, _ in differences}
    filled = {path for path, _, value in differences if value in ("{}", "[]", "null")}
    return {path for path in paths if path not in filled or not any(is_in(longer, path) for longer in paths - {path})}


def is_in(path, above):
    return path[: len(above)] == above


def objects(text):
    """The objects of a YAML or JSON file, those of lists on their own. A last line that is not ended is read as if it were."""
    for node in yaml.load_all(text if text.endswith("\n") else text + "\n", LOADER):
        if isinstance(node, dict) and str(node.get("kind", "")).endswith("List") and isinstance(node.get("items"), list):
            yield from node["items"]
        elif node is not None:
            yield node


def who(node):
    """Kind, namespace and name."""
    if not isinstance(node, dict):
        return "", "", ""
    metadata = node.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    return str(node.get("kind", "")), str(metadata.get("namespace", "")), str(metadata.get("name", ""))


def pairs(before, after):
    """Each object of two lists with the same object of the other; None where there is none."""
    known = collections.defaultdict(list)
    for node in after:
        known[who(node)].append(node)
    for node in before:
        same = known[who(node)]
        yield node, same.pop(0) if same else None
    for added in known.values():
        for node in added:
            yield None, node


class Offered:
    """The fixes that the host offered: the paths that they change, by file, and the kinds that they create.

    A fix may make room for another one, which no report offers in that file: labels for the policy that selects them. Such
    a one changes what is offered in another file of the project, or puts a companion beside a workload.
    """

    def __init__(self, results):
        self.paths = collections.defaultdict(set)
        self.created = collections.defaultdict(set)
        # Files with a fix that is not told, since it would hold a secret.
        self.untold = set()
        for path in results:
            text = pathlib.Path(path).read_text()
            for document in json.loads(text)["documents"] if text else []:
                file = os.path.normpath(document["location"]["file"])
                for outcome in document["outcomes"]:
                    for finding in outcome.get("findings", []):
                        fix = finding.get("fix")
                        if fix is None:
                            continue
                        if "patch" not in fix and "create" not in fix:
                            self.untold.add(file)
                        self.paths[file] |= {pointer(operation["path"]) for operation in fix.get("patch", [])}
                        if "create" in fix:
                            self.created[file].add(who(fix["create"])[0])
        self.anywhere = set().union(*self.paths.values()) if self.paths else set()

    def creates(self, file, kind):
        return kind in self.created[file] or kind in COMPANIONS

    def changes(self, file, path):
        return file in self.untold or any(
            is_in(path, fixed) or is_in(fixed, path) for offered in (self.paths[file], self.anywhere) for fixed in offered
        )


def files(folder):
    for root, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(root, name), folder)


def compare_files(before, after, offered):
    """The problems of the files that differ, and the paths in which their objects do, by kind."""
    problems, changed, created = [], collections.defaultdict(set), set()
    for file in sorted(files(after)):
        one, other = (os.path.join(folder, file) for folder in (before, after))
        if not os.path.exists(one):
            problems.append(f"{file}: was not there")
            continue
        if filecmp.cmp(one, other, shallow=False):
            continue
        if not file.endswith((".yaml", ".yml", ".json")):
            continue
        try:
            texts = [pathlib.Path(path).read_text(encoding="utf-8-sig") for path in (one, other)]
            old, new = ([*objects(text)] for text in texts)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            problems.append(f"{file}: {' '.join(str(error).split())}")
            continue
        for was, now in pairs(old, new):
            if now is None:
                problems.append(f"{file}: {' '.join(who(was))} is gone")
            elif was is None:
                created.add(who(now)[0])
                if not offered.creates(file, who(now)[0]):
                    problems.append(f"{file}: no fix creates {' '.join(who(now))}")
            else:
                paths = changed_paths(was, now)
                changed[who(now)[0]] |= paths
                for path in sorted(paths):
                    if not offered.changes(file, path):
                        problems.append(f"{file}: no fix changes /{'/'.join(path)} of {' '.join(who(now))}")
    return problems, changed, created


def build(kustomize, folder):
    """What a kustomization builds, as texts; None where it cannot be built without a network."""
    environment = {"PATH": "/nonexistent", "HOME": "/nonexistent", "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    try:
        run = subprocess.run([kustomize, "build", folder], capture_output=True, env=environment, timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    return re.split(r"^---\n", run.stdout.decode(), flags=re.MULTILINE) if run.returncode == 0 else None


def compare_builds(before, after, kustomize, changed, created):
    """The problems of kustomizations, and how many could be built."""
    problems, built = [], 0
    folders = sorted({os.path.dirname(file) for file in files(before) if os.path.basename(file) in KUSTOMIZATIONS})
    for folder in folders:
        one = build(kustomize, os.path.join(before, folder))
        if one is None:
            continue
        built += 1
        other = build(kustomize, os.path.join(after, folder))
        if other is None:
            problems.append(f"{folder}: kustomize builds it no more")
            continue
        texts = [collections.Counter(texts) for texts in (one, other)]
        old, new = ([*objects("---\n".join(difference))] for difference in (texts[0] - texts[1], texts[1] - texts[0]))
        for was, now in pairs(old, new):
            if now is None:
                problems.append(f"{folder}: {' '.join(who(was))} is built no more")
            elif was is None:
                if who(now)[0] not in created:
                    problems.append(f"{folder}: no fix creates {' '.join(who(now))}")
            else:
                for path in sorted(changed_paths(was, now)):
                    if not any(is_in(path, known) or is_in(known, path) for known in changed[who(now)[0]]):
                        problems.append(f"{folder}: no file changes /{'/'.join(path)} of {' '.join(who(now))}")
    return problems, built


def main(before, after, kustomize, *results):
    problems, changed, created = compare_files(before, after, Offered(results))
    more, built = compare_builds(before, after, kustomize, changed, created)
    print(*problems, *more, sep="\n", end="\n" if problems or more else "")
    print(f"{built} kustomizations built before and after", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
