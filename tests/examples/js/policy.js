// The contract is wit/rule.wit: `manifests` says what the rules of this component are and what they read, `evaluate`
// judges. This component has one rule.

const manifest = {
  id: "owner-label-required",
  version: "0.1.0",
  title: "Workloads name their owner",
  description: "The label `owner`, or the one that `label` names, is there and not empty.",
  why: "Whoever is woken by an alert has to find out whose workload it is before anything can be done.",
  fix: "Add the label with the name of the team that answers for the workload.",
  findings: [
    { code: "missing", title: "The label is not there", severity: "low", confidence: "certain" },
    { code: "empty", title: "The label is empty, or no text", severity: "low", confidence: "certain" },
  ],
  priority: "P3",
  effort: "small",
  factor: "XIV Telemetry",
  since: "0.1.0",
  appliesTo: ["workload"],
  reads: ["object.metadata.labels"],
  parameters: {
    type: "object",
    additionalProperties: false,
    properties: {
      label: { type: "string", description: "The label that names the owner.", default: "owner" },
    },
  },
};

/** A finding: `code` is one of the manifest's, `at` an RFC 6901 pointer into what the rule was told. */
function finding(code, at, message) {
  return { code, message, at, excerpt: "", labels: [], fix: undefined, secret: false };
}

/** One key as a part of a pointer. */
function escaped(key) {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** What is wrong with a workload. */
function findings(workload, { label = "owner" }) {
  const labels = workload.object?.metadata?.labels ?? {};
  if (!Object.hasOwn(labels, label)) {
    return [finding("missing", "/object/metadata/labels", `\`metadata.labels\` has no \`${label}\``)];
  }
  if (typeof labels[label] !== "string" || labels[label] === "") {
    return [finding("empty", `/object/metadata/labels/${escaped(label)}`, `the label \`${label}\` is empty`)];
  }
  return [];
}

export const rules = {
  manifests() {
    return JSON.stringify([manifest]);
  },

  evaluate({ documents, asks }) {
    return asks.map(({ document, parameters }) => ({
      tag: "judged",
      val: findings(JSON.parse(documents[document]), JSON.parse(parameters)),
    }));
  },
};
