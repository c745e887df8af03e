use policy_sdk::kubernetes::network_policy::{self, Direction, Policy};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::choice! {
    /// A direction of traffic.
    pub Wanted { Ingress = "Ingress", Egress = "Egress" }
}

policy_sdk::rule! {
    /// Namespaces deny traffic that no policy admits
    ///
    /// A Namespace with workloads has a NetworkPolicy that isolates pods of which no other policy says anything, in
    /// each of `directions`: its `podSelector` is empty or holds for pods without labels, and the rules of all such
    /// policies together do not let everything through. A policy that admits the namespace itself isolates as well.
    ///
    /// Policies of Cilium and Calico, AdminNetworkPolicies and BaselineAdminNetworkPolicies may do the same; where
    /// there are some the rule is not evaluated. The namespaces of Kubernetes itself (`exempt`) are not checked.
    ///
    /// ## Why
    /// Without such a policy a new pod may be reached by every other pod of the cluster until somebody remembers to
    /// write a policy for it. One broken service is then enough to attack all of them.
    ///
    /// ## Fix
    /// Write policies for what has to pass, then deny the rest. Denying first cuts off what runs:
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   policyTypes: [Ingress]
    /// ```
    findings: {
        /// No policy isolates the pods of the namespace by default
        Missing: Medium, Likely, absence: ["namespace_policies", "loose_policies"];
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    controls: ["cis:5.3.2", "nsa:network-separation"],
    peers: ["KC:C-0206", "KC:C-0054", "KY:add-network-policy", "CK:CKV2_K8S_6"],
    since: "0.1.0",
    applies_to: ["core/Namespace"],
    reads: ["metadata.name"],
    inventory: {
        namespace_policies: {
            kinds: ["networking.k8s.io/NetworkPolicy"],
            scope: "cluster",
            relation: names { kind: "=Namespace", name: "metadata.namespace" },
            reads: ["spec.podSelector", "spec.policyTypes", "spec.ingress", "spec.egress"],
        },
        // Files may leave out the namespace, which is then that of the command that applies them. A Namespace is in
        // none itself, so these are the policies without one.
        loose_policies: {
            kinds: ["networking.k8s.io/NetworkPolicy"],
            scope: "namespace",
            reads: ["spec.podSelector", "spec.policyTypes", "spec.ingress", "spec.egress"],
        },
        namespace_workloads: {
            kinds: ["workload"],
            scope: "cluster",
            relation: names { kind: "=Namespace", name: "object.metadata.namespace" },
            reads: [],
        },
        foreign_namespace_policies: {
            kinds: ["cilium.io/CiliumNetworkPolicy", "crd.projectcalico.org/NetworkPolicy"],
            scope: "cluster",
            relation: names { kind: "=Namespace", name: "metadata.namespace" },
            reads: [],
        },
        // No relation fits: each of these kinds says in a language of its own which namespaces it is about.
        foreign_policies_anywhere: {
            kinds: [
                "cilium.io/CiliumClusterwideNetworkPolicy", "crd.projectcalico.org/GlobalNetworkPolicy",
                "policy.networking.k8s.io/AdminNetworkPolicy", "policy.networking.k8s.io/BaselineAdminNetworkPolicy",
            ],
            scope: "cluster",
            reads: [],
        },
    },
    parameters: {
        /// The directions that are denied by default.
        directions: Vec<Wanted> = vec![Wanted::Ingress],
        /// Namespaces that are not checked.
        exempt: Vec<String> = list(["kube-system", "kube-public", "kube-node-lease"]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let name = input.document.at("metadata.name");
    if input.parameters.exempt.iter().any(|exempt| exempt == name.text()) {
        return not_applicable("it is a namespace of the cluster itself");
    }
    let all = |queries: [&str; 2]| queries.map(|query| input.related(query).collect::<Vec<_>>()).concat();
    if input.related("namespace_workloads").next().is_none() {
        return not_applicable("no workload of it is among the documents");
    }
    if let Some(other) = all(["foreign_namespace_policies", "foreign_policies_anywhere"]).first() {
        return not_evaluated(format!("{} `{}` may deny by default", other.kind(), other.name()));
    }
    let is_of_it = |policy: &Related<'_>| policy.namespace().is_empty() || policy.namespace() == name.text();
    let related: Vec<Related<'_>> =
        all(["namespace_policies", "loose_policies"]).into_iter().filter(is_of_it).collect();
    let policies: Vec<Policy<'_>> = related.iter().map(|policy| Policy(policy.document.get("spec"))).collect();
    let open: Vec<&str> = input
        .parameters
        .directions
        .iter()
        .map(|wanted| match wanted {
            Wanted::Ingress => Direction::Ingress,
            Wanted::Egress => Direction::Egress,
        })
        .filter(|direction| !network_policy::denies_by_default(&policies, *direction))
        .map(Direction::name)
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    let directions = open.join(" and ").to_ascii_lowercase();
    let has = match related.len() {
        0 => "it has no NetworkPolicy".to_owned(),
        1 => format!("its NetworkPolicy `{}` does not", related[0].name()),
        count => format!("none of its {count} NetworkPolicies does"),
    };
    let message = format!("no policy of Namespace `{}` denies {directions} by default: {has}", name.text());
    let mut report = findings.report(Code::Missing, &name, message);
    for policy in related.iter().take(3) {
        report = report.label_in(policy, &policy.document.at("spec.podSelector"), "the pods that this policy is for");
    }
    Ok(())
}
