"""Holds the table of deprecated APIs against what k8s.io/api says of its types.

    lifecycle.py MODULE TABLE: MODULE is the folder of k8s.io/api, TABLE policies/sdk/tables/deprecated_apis.rs.

Each type of a version that is not stable has functions that say since which release it is deprecated and in which it is
gone. Kinds of other modules (CustomResourceDefinition, APIService) and versions that the module no longer has are named,
and not compared.
"""

import re
import sys
from pathlib import Path


def releases(text: str, function: str) -> dict[str, str]:
    pattern = rf"func \(in \*(\w+)\) {function}\(\) \(major, minor int\) {{\s*return (\d+), (\d+)"
    return {kind: f"{major}.{minor}" for kind, major, minor in re.findall(pattern, text)}


def module(folder: Path) -> dict[tuple[str, str], tuple[str, str]]:
    known = {}
    for file in folder.glob("*/*/zz_generated.prerelease-lifecycle.go"):
        text = file.read_text()
        group = re.search(r'GroupName\s*=\s*"([^"]*)"', (file.parent / "register.go").read_text())[1]
        deprecated, removed = releases(text, "APILifecycleDeprecated"), releases(text, "APILifecycleRemoved")
        for kind in deprecated.keys() & removed.keys():
            known[f"{group}/{file.parent.name}", kind] = deprecated[kind], removed[kind]
    return known


def table(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    rows = re.findall(r'\brow\("([^"]+)", "([^"]+)", \["([^"]+)", "([^"]+)"\]', text)
    return {(version, kind): (since, gone) for version, kinds, since, gone in rows for kind in kinds.split()}


known, ours = module(Path(sys.argv[1])), table(Path(sys.argv[2]).read_text())
assert len(known) > 100 and len(ours) > 50, "nothing to compare"
wrong = {key: (said, known[key]) for key, said in ours.items() if key in known and known[key] != said}
for (version, kind), (said, right) in sorted(wrong.items()):
    print(f"{version} {kind}: the table says {said}, k8s.io/api {right}", file=sys.stderr)
elsewhere = sorted(f"{version} {kind}" for version, kind in ours.keys() - known.keys())
print(f"{len(ours) - len(elsewhere)} kinds agree with k8s.io/api; it does not have {', '.join(elsewhere)}")
sys.exit(bool(wrong))
