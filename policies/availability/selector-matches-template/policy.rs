use policy_sdk::prelude::*;
use policy_sdk::values::selector;

policy_sdk::rule! {
    /// A workload's selector matches its own pods
    ///
    /// `spec.selector` of a Deployment, StatefulSet, DaemonSet, ReplicaSet or Rollout, with `matchLabels` and
    /// `matchExpressions`, matches `spec.template.metadata.labels`, is there and is not empty. The selector of a Job is
    /// generated, so it is checked only with `manualSelector: true`; that of a ReplicationController and of `v1beta1`
    /// is derived from the template where it is absent. Labels that kustomizations add count. An object that has
    /// neither a selector nor pod labels may be a patch, and is not evaluated.
    ///
    /// ## Why
    /// The API server refuses such an object, so the release that brings it fails.
    ///
    /// ## Fix
    /// Give the template the labels that the selector names:
    ///
    /// ```yaml
    /// spec:
    ///   selector:
    ///     matchLabels: {app: cart}
    ///   template:
    ///     metadata:
    ///       labels: {app: cart}
    /// ```
    findings: {
        /// The selector does not match the template's labels
        Mismatch: High, Certain;
        /// There is no selector
        NoSelector: High, Certain;
        /// The selector is empty
        Empty: High, Certain;
    },
    priority: P2,
    effort: Small,
    factor: BuildReleaseRun,
    peers: [
        "KL:mismatching-selector", "KS:deployment-pod-selector-labels-match-template-metadata-labels",
        "KS:statefulset-pod-selector-labels-match-template-metadata-labels", "KC:C-0296",
    ],
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/DaemonSet", "workload/ReplicaSet", "workload/Job",
        "workload/Rollout", "workload/CloneSet",
    ],
    reads: ["object.spec.selector", "object.spec.manualSelector", "pod.metadata.labels"],
    reads_built: true,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.kind() == "Job" && !workload.object.at("spec.manualSelector").is_true() {
        return not_applicable("its selector is generated");
    }
    let own = workload.object.at("spec.selector");
    if !own.exists() && (&*input.subject.group, &*input.subject.version) == ("apps", "v1beta1") {
        return not_applicable("its selector is derived from the template");
    }
    let labels = workload.pod_labels();
    let refused = if workload.kind() == "Rollout" { "Argo Rollouts refuses it" } else { "the API server refuses it" };
    if !own.exists() {
        if labels.is_empty() {
            return not_evaluated("it has neither a selector nor labels of pods, so it may be a patch");
        }
        findings.report(Code::NoSelector, &own, format!("it has no `selector`: {refused}"));
    } else if selector::is_empty(&own) {
        findings.report(Code::Empty, &own, format!("its `selector` is empty: {refused}"));
    } else if !selector::matches(&own, &labels) {
        let differs =
            |(key, value): &(&str, View<'_>)| value.as_str().is_none() || labels.get(key).as_str() != value.as_str();
        let missed = own.get("matchLabels").entries().find(differs);
        let which = match &missed {
            Some((key, value)) if value.as_str().is_none() => format!("`{key}` is not a string"),
            Some((key, value)) => match labels.get(key).as_str() {
                Some(has) => format!("its pods have `{key}: {has}`, not `{}`", value.text()),
                None => format!("its pods have no label `{key}`"),
            },
            None => "an expression does not hold".to_owned(),
        };
        let message = format!("its `selector` does not match its own pods, so {refused}: {which}");
        let report = findings.report(Code::Mismatch, missed.as_ref().map_or(&own, |(_, value)| value), message);
        if labels.exists() {
            report.label(&labels, "the labels of its pods");
        }
    }
    Ok(())
}
