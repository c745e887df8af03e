"""Holds meaning.py against fixes that do more than they say.

    test_meaning.py KUSTOMIZE
"""

import json
import pathlib
import sys
import tempfile

import meaning

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 1
  template: {spec: {containers: [{name: shop, image: shop}]}}
"""
FIXED = DEPLOYMENT.replace("replicas: 1", "replicas: 2").replace("{spec: {", "{spec: {securityContext: {runAsNonRoot: true}, ")
SERVICE = "---\napiVersion: v1\nkind: Service\nmetadata: {name: shop}\n"
REPLICAS = {"patch": [{"op": "replace", "path": "/spec/replicas", "value": 2}]}
NON_ROOT = {"patch": [{"op": "add", "path": "/spec/template/spec/securityContext/runAsNonRoot", "value": True}]}
CREATED = {"create": {"kind": "Service"}}


def problems(kustomize, after, fixes):
    """What is told of a kustomization whose Deployment is something else after some fixes."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for side, text in [("before", DEPLOYMENT), ("after", after)]:
            below = root / side / "base"
            below.mkdir(parents=True)
            (below / "kustomization.yaml").write_text("resources: [shop.yaml]\nnamePrefix: my-\n")
            (below / "shop.yaml").write_text(text)
        document = {"location": {"file": "./base/shop.yaml"}, "outcomes": [{"findings": [{"fix": fix} for fix in fixes]}]}
        (root / "results.json").write_text(json.dumps({"documents": [document]}))
        offered = meaning.Offered([root / "results.json"])
        found, changed, created = meaning.compare_files(root / "before", root / "after", offered)
        more, built = meaning.compare_builds(root / "before", root / "after", kustomize, changed, created)
        assert built == 1, "kustomize builds it"
        return found, more


def main(kustomize):
    def told(after, *fixes):
        return problems(kustomize, after, fixes)

    assert told(FIXED + SERVICE, REPLICAS, NON_ROOT, CREATED) == ([], [])
    path = "/spec/template/spec/securityContext/runAsNonRoot"
    assert told(FIXED, REPLICAS) == ([f"base/shop.yaml: no fix changes {path} of Deployment  shop"], [])
    assert told(DEPLOYMENT + SERVICE, REPLICAS) == (["base/shop.yaml: no fix creates Service  shop"], [])
    assert told(SERVICE, CREATED) == (["base/shop.yaml: Deployment  shop is gone"], ["base: Deployment  my-shop is built no more"])
    found, more = told("a: [", REPLICAS)
    assert found[0].startswith("base/shop.yaml: while parsing") and more == ["base: kustomize builds it no more"]
    assert meaning.changed_paths({"a": {}}, {"a": {"b": [1]}}) == {("a", "b", "*")}
    assert meaning.changed_paths({"a": [1, 2], "b": 1}, {"b": 1, "a": [2, 1]}) == {("a", "*")}


if __name__ == "__main__":
    main(sys.argv[1])
