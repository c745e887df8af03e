"""The contract is wit/rule.wit: `manifests` says what the rules of this component are and what they read, `evaluate`
judges. This component has one rule."""

import json

from wit_world import exports
from wit_world.exports import rules

MANIFEST = {
    "id": "owner-label-required",
    "version": "0.1.0",
    "title": "Workloads name their owner",
    "description": "The label `owner`, or the one that `label` names, is there and not empty.",
    "why": "Whoever is woken by an alert has to find out whose workload it is before anything can be done.",
    "fix": "Add the label with the name of the team that answers for the workload.",
    "findings": [
        {"code": "missing", "title": "The label is not there", "severity": "low", "confidence": "certain"},
        {"code": "empty", "title": "The label is empty, or no text", "severity": "low", "confidence": "certain"},
    ],
    "priority": "P3",
    "effort": "small",
    "factor": "XIV Telemetry",
    "since": "0.1.0",
    "appliesTo": ["workload"],
    "reads": ["object.metadata.labels"],
    "parameters": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "label": {"type": "string", "description": "The label that names the owner.", "default": "owner"},
        },
    },
}


def finding(code: str, at: str, message: str) -> rules.Finding:
    """A finding: `code` is one of the manifest's, `at` an RFC 6901 pointer into what the rule was told."""
    return rules.Finding(code=code, message=message, at=at, excerpt="", labels=[], fix=None, secret=False)


def escaped(key: str) -> str:
    """One key as a part of a pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def findings(workload: dict, parameters: dict) -> list[rules.Finding]:
    """What is wrong with a workload."""
    label = parameters.get("label", "owner")
    labels = ((workload.get("object") or {}).get("metadata") or {}).get("labels") or {}
    if label not in labels:
        return [finding("missing", "/object/metadata/labels", f"`metadata.labels` has no `{label}`")]
    if not isinstance(labels[label], str) or not labels[label]:
        return [finding("empty", f"/object/metadata/labels/{escaped(label)}", f"the label `{label}` is empty")]
    return []


class Rules(exports.Rules):
    def manifests(self) -> str:
        return json.dumps([MANIFEST])

    def evaluate(self, request: rules.Request) -> list[rules.Answer]:
        return [
            rules.Answer_Judged(findings(json.loads(request.documents[ask.document]), json.loads(ask.parameters)))
            for ask in request.asks
        ]
