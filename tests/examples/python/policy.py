"""The contract is wit/rule.wit: `manifest` says what the rule is and what it reads, `evaluate` judges."""

import json

from wit_world import exports
from wit_world.exports import rule

MANIFEST = {
    "id": "owner-label-required",
    "version": "0.1.0",
    "title": "Workloads name their owner",
    "description": "The label `owner`, or the one that `label` names, is there and not empty.",
    "why": "Whoever is woken by an alert has to find out whose workload it is before anything can be done.",
    "fix": "Add the label with the name of the team that answers for the workload.",
    "severity": "low",
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


def finding(at: str, message: str) -> rule.Finding:
    """A finding: `at` is an RFC 6901 pointer into what the rule was told."""
    return rule.Finding(
        code="", message=message, at=at, excerpt="", labels=[], fix=None, severity=None, secret=False
    )


def escaped(key: str) -> str:
    """One key as a part of a pointer."""
    return key.replace("~", "~0").replace("/", "~1")


class Rule(exports.Rule):
    def manifest(self) -> str:
        return json.dumps(MANIFEST)

    def evaluate(self, request: rule.Request) -> rule.Verdict:
        label = json.loads(request.parameters).get("label", "owner")
        metadata = (json.loads(request.document).get("object") or {}).get("metadata") or {}
        labels = metadata.get("labels") or {}
        findings = []
        if label not in labels:
            findings.append(finding("/object/metadata/labels", f"`metadata.labels` has no `{label}`"))
        elif not isinstance(labels[label], str) or not labels[label]:
            findings.append(finding(f"/object/metadata/labels/{escaped(label)}", f"the label `{label}` is empty"))
        return rule.Verdict_Judged(findings)
