use policy_sdk::kubernetes::network_policy::{self, NearPods, OwnPolicy};
use policy_sdk::kubernetes::operated::{self, LATE_LABELS, OperatedPods};
use policy_sdk::prelude::*;
use policy_sdk::values::selector;

policy_sdk::rule! {
    /// NetworkPolicies select the pods of a workload
    ///
    /// `spec.podSelector` matches the pod labels of at least one workload in the namespace; an empty one selects every
    /// pod. Labels that only controllers or programs set on pods are taken for right. Where an operator makes pods in
    /// the namespace that are in no document (Prometheus, Elasticsearch, a Postgres cluster, …), it cannot be known.
    ///
    /// ## Why
    /// A policy whose labels are mistyped is accepted and isolates nothing. The pods that it was written for stay open
    /// to everybody.
    ///
    /// ## Fix
    /// Copy the labels from the workload's pod template, or delete a policy whose workload is gone.
    findings: {
        /// The selector matches the pods of no workload
        Nothing: Low, Likely, absence: ["isolated", "near_pods"];
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["KL:dangling-networkpolicy", "KS:networkpolicy-targets-pod", "KC:C-0299"],
    since: "0.1.0",
    applies_to: ["networking.k8s.io/NetworkPolicy"],
    uses: [OwnPolicy, NearPods, OperatedPods],
    parameters: {
        /// Labels that programs set on pods while they run, beside those that are known.
        late_labels: Vec<String> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let selector = input.document.at("spec.podSelector");
    if selector.is_empty() || selector::is_empty(&selector) {
        return not_applicable("it selects every pod of the namespace");
    }
    let late: Vec<&str> = LATE_LABELS.into_iter().chain(input.parameters.late_labels.iter().map(|it| &**it)).collect();
    let selects =
        |workload: Related<'_>| selector::matches_ignoring(&selector, &workload.workload().pod_labels(), &late);
    if network_policy::isolated(input).next().is_some() || network_policy::near(input).any(selects) {
        return Ok(());
    }
    // What all is set late may be any pod's.
    let mut required = selector.get("matchLabels").entries();
    if selector.get("matchExpressions").is_empty() && required.all(|(key, _)| late.contains(&key)) {
        return not_evaluated("its pods get all the labels that it selects by while they run");
    }
    if let Some(operated) = operated::operated(input) {
        let (kind, name) = (operated.kind(), operated.name());
        return not_evaluated(format!("an operator makes pods for {kind} `{name}`, and they are in no document"));
    }
    let message = "it selects no workload's pods in this namespace, so it isolates nothing";
    let report = findings.report(Code::Nothing, &selector, message);
    let near = network_policy::near(input).find_map(|workload| {
        let labels = workload.workload().pod_labels();
        let required = selector.get("matchLabels");
        let key = selector::near_miss(&selector, &labels).or_else(|| {
            let shares = required.entries().any(|(key, value)| labels.get(key).as_str() == value.as_str());
            shares
                .then(|| required.entries().find(|(key, value)| labels.get(key).as_str() != value.as_str()))?
                .map(|it| it.0)
        })?;
        Some((workload, labels.get(key), key))
    });
    if let Some((workload, label, key)) = near {
        let text =
            format!("the pods of {} `{}` have another value for `{key}`, or none", workload.kind(), workload.name());
        report.label_in(&workload, &label, text);
    }
    Ok(())
}
