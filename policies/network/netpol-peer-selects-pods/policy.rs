use policy_sdk::kubernetes::network_policy::OwnPolicy;
use policy_sdk::kubernetes::operated::{self, LATE_LABELS, OperatedPods};
use policy_sdk::prelude::*;
use policy_sdk::values::selector;

policy_sdk::rule! {
    /// Peers of NetworkPolicies select pods
    ///
    /// A peer with a `podSelector` and no `namespaceSelector` means pods of the policy's own namespace. Its selector
    /// matches the pod labels of at least one workload there. Labels that only controllers or programs set on pods are
    /// taken for right. Peers in other namespaces are not checked, since they are mostly kept elsewhere. Where an
    /// operator makes pods in the namespace that are in no document, the rule is not evaluated.
    ///
    /// ## Why
    /// A peer that matches no pod admits nobody. The caller that it was written for gets timeouts, and no error says
    /// why.
    ///
    /// ## Fix
    /// Copy the labels from the caller's pod template. For a caller in another namespace add a `namespaceSelector` to
    /// the same entry of the list:
    ///
    /// ```yaml
    /// ingress:
    ///   - from:
    ///       - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: front}}
    ///         podSelector: {matchLabels: {app: web}}
    /// ```
    findings: {
        /// The selector of a peer matches the pods of no workload in the namespace
        Nothing: Low, Guess, absence: ["sources", "targets"];
    },
    priority: P2,
    effort: Small,
    factor: Security,
    peers: ["KL:dangling-networkpolicypeer-podselector"],
    since: "0.1.0",
    applies_to: ["networking.k8s.io/NetworkPolicy"],
    uses: [OwnPolicy, OperatedPods],
    inventory: {
        // Those that share a label with a peer's selector: only they can match it.
        sources: {
            kinds: ["workload"],
            scope: "namespace",
            relation: same {
                there: "pod.metadata.labels.*",
                here: "spec.ingress[*].from[*].podSelector.matchLabels.*",
            },
            reads: ["pod.metadata.labels"],
        },
        targets: {
            kinds: ["workload"],
            scope: "namespace",
            relation: same { there: "pod.metadata.labels.*", here: "spec.egress[*].to[*].podSelector.matchLabels.*" },
            reads: ["pod.metadata.labels"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.document.get("spec");
    let workloads: Vec<Related<'_>> = ["sources", "targets"].iter().flat_map(|query| input.related(query)).collect();
    let peers = |rules: &str, list: &'static str| {
        let rules: Vec<View<'_>> = spec.get(rules).items().collect();
        rules.into_iter().flat_map(move |rule| rule.get(list).items().collect::<Vec<_>>())
    };
    let mut has_any = false;
    let mut unknown = None;
    for peer in peers("ingress", "from").chain(peers("egress", "to")) {
        let selector = peer.get("podSelector");
        // Expressions alone are for no label in particular.
        if peer.get("namespaceSelector").exists() || selector.get("matchLabels").is_empty() {
            continue;
        }
        has_any = true;
        let matches = |workload: &Related<'_>| {
            selector::matches_ignoring(&selector, &workload.workload().pod_labels(), &LATE_LABELS)
        };
        let is_late = selector.get("matchLabels").entries().all(|(key, _)| LATE_LABELS.contains(&key));
        if is_late || workloads.iter().any(matches) {
            continue;
        }
        if let Some(operated) = operated::operated(input) {
            unknown = Some(format!("an operator makes pods for {} `{}`", operated.kind(), operated.name()));
            continue;
        }
        let labels: Vec<String> =
            selector.get("matchLabels").entries().map(|(key, value)| format!("`{key}: {}`", value.text())).collect();
        let message = format!(
            "no workload of this namespace has pods with {}, and the peer means no other namespace",
            labels.join(" and ")
        );
        findings.report(Code::Nothing, &selector, message);
    }
    if !has_any {
        return not_applicable("it names no pods of its own namespace");
    }
    findings.or_unknown(unknown)
}
