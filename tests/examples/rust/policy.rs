use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Workloads name their owner
    ///
    /// The label `owner`, or the one that `label` names, is there and not empty.
    ///
    /// ## Why
    /// Whoever is woken by an alert has to find out whose workload it is before anything can be done.
    ///
    /// ## Fix
    /// Add the label with the name of the team that answers for the workload.
    findings: {
        /// The label is not there
        Missing: Low, Certain;
        /// The label is empty, or no text
        Empty: Low, Certain;
    },
    priority: P3,
    effort: Small,
    factor: Telemetry,
    since: "0.1.0",
    applies_to: ["workload"],
    reads: ["object.metadata.labels"],
    parameters: {
        /// The label that names the owner.
        label: String = "owner".to_owned(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let label = &input.parameters.label;
    let labels = input.document.at("object.metadata.labels");
    let owner = labels.get(label);
    if !owner.exists() {
        findings.report(Code::Missing, &labels, format!("`metadata.labels` has no `{label}`"));
    } else if owner.as_str().is_none_or(str::is_empty) {
        findings.report(Code::Empty, &owner, format!("the label `{label}` is empty"));
    }
    Ok(())
}
