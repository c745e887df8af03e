//! NetworkPolicies: in which directions they isolate pods, and whom they let through.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The NetworkPolicies that select the subject's pods.
    pub NetworkPolicies {
        reads: ["pod.metadata.labels"],
        inventory: {
            policies: {
                kinds: ["networking.k8s.io/NetworkPolicy"],
                scope: "namespace",
                relation: selects { there: "spec.podSelector", here: "pod.metadata.labels" },
                reads: ["spec.policyTypes", "spec.ingress", "spec.egress"],
            },
        },
    }
    /// All NetworkPolicies of the subject's namespace. No relation fits: what counts are those that have nothing to do
    /// with the subject, and an answer without any is what is looked for. So nothing of them is read but their names.
    pub AnyNetworkPolicy {
        inventory: {
            any_policy: {
                kinds: ["networking.k8s.io/NetworkPolicy"],
                scope: "namespace",
                reads: ["metadata.name"],
            },
        },
    }
    /// Policies of network plugins and of administrators. No relation fits: each kind has a language of its own for
    /// what it selects, by labels, by expressions, by namespaces and by service accounts, so any of them may select
    /// the subject, and only that there are none tells something.
    pub ForeignPolicies {
        inventory: {
            foreign_policies: {
                kinds: ["cilium.io/CiliumNetworkPolicy", "crd.projectcalico.org/NetworkPolicy"],
                scope: "namespace",
                reads: ["metadata.name"],
            },
            foreign_cluster_policies: {
                kinds: [
                    "cilium.io/CiliumClusterwideNetworkPolicy", "crd.projectcalico.org/GlobalNetworkPolicy",
                    "policy.networking.k8s.io/AdminNetworkPolicy",
                    "policy.networking.k8s.io/BaselineAdminNetworkPolicy",
                ],
                scope: "cluster",
                reads: ["metadata.name"],
            },
        },
    }
    /// The subject itself, a NetworkPolicy, and the workloads that it selects.
    pub OwnPolicy {
        reads: ["spec.podSelector", "spec.policyTypes", "spec.ingress", "spec.egress"],
        inventory: {
            isolated: {
                kinds: ["workload"],
                scope: "namespace",
                relation: selected { there: "pod.metadata.labels", here: "spec.podSelector" },
                reads: ["container.ports"],
            },
        },
    }
}

/// What a policy is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Who may reach the pods.
    Ingress,
    /// Whom the pods may reach.
    Egress,
}

impl Direction {
    /// As `policyTypes` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }

    /// The field of its rules, and in those the field of peers.
    fn fields(self) -> (&'static str, &'static str) {
        match self {
            Self::Ingress => ("ingress", "from"),
            Self::Egress => ("egress", "to"),
        }
    }
}

/// A NetworkPolicy's `spec`.
#[derive(Clone)]
pub struct Policy<'d>(pub View<'d>);

impl<'d> Policy<'d> {
    /// Whether it isolates pods in a direction, so that only what a rule admits passes. Without `policyTypes` every
    /// policy isolates ingress, and one with egress rules egress too, as the API server fills it in.
    pub fn isolates(&self, direction: Direction) -> bool {
        let types = self.0.get("policyTypes");
        if types.is_empty() {
            return direction == Direction::Ingress || !self.0.get("egress").is_empty();
        }
        types.items().any(|kind| kind.text() == direction.name())
    }

    /// The rules that count for a direction: none where it is not isolated, since there everything passes.
    pub fn rules(&self, direction: Direction) -> impl Iterator<Item = PolicyRule<'d>> + use<'d> {
        let (list, peers) = direction.fields();
        let isolates = self.isolates(direction);
        self.0.get(list).items().filter(move |_| isolates).map(move |view| PolicyRule { peers: view.get(peers), view })
    }
}

/// One rule of a policy: peers, and ports of theirs.
pub struct PolicyRule<'d> {
    /// Where it stands.
    pub view: View<'d>,
    /// `from` or `to`; absent or empty it admits all peers.
    pub peers: View<'d>,
}

impl<'d> PolicyRule<'d> {
    /// Whether it admits every peer.
    pub fn admits_all_peers(&self) -> bool {
        self.peers.is_empty()
    }

    /// Whether it admits every port.
    pub fn admits_all_ports(&self) -> bool {
        self.view.get("ports").is_empty()
    }

    /// The address ranges that it admits: `cidr`, and the view that holds it with its exceptions.
    pub fn blocks(&self) -> impl Iterator<Item = (View<'d>, View<'d>)> + use<'d> {
        let blocks = self.peers.items().map(|peer| peer.get("ipBlock")).filter(View::exists);
        blocks.map(|block| (block.get("cidr"), block))
    }
}

/// The policies that select the subject's pods.
pub fn policies<'d, P: Uses<NetworkPolicies>>(input: &Input<'d, P>) -> impl Iterator<Item = Policy<'d>> + use<'d, P> {
    input.related("policies").map(|policy| Policy(policy.document.get("spec")))
}

/// A NetworkPolicy of the subject's namespace, whatever it selects.
pub fn any<'d, P: Uses<AnyNetworkPolicy>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("any_policy").next()
}

/// A policy of another kind that may select the subject's pods.
pub fn foreign<'d, P: Uses<ForeignPolicies>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    ["foreign_policies", "foreign_cluster_policies"].iter().find_map(|query| input.related(query).next())
}

/// The subject itself, a NetworkPolicy.
pub fn own<'d, P: Uses<OwnPolicy>>(input: &Input<'d, P>) -> Policy<'d> {
    Policy(input.document.get("spec"))
}

/// The workloads that the subject, a NetworkPolicy, selects.
pub fn isolated<'d, P: Uses<OwnPolicy>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("isolated")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn directions_are_those_that_the_api_server_fills_in() {
        for (spec, ingress, egress) in [
            ("{}", Some(0), None),
            (r#"{"ingress":[{}]}"#, Some(1), None),
            (r#"{"egress":[{}]}"#, Some(0), Some(1)),
            (r#"{"policyTypes":[],"egress":[{}]}"#, Some(0), Some(1)),
            (r#"{"policyTypes":["Egress"]}"#, None, Some(0)),
            (r#"{"policyTypes":["Ingress"],"egress":[{}]}"#, Some(0), None),
            (r#"{"policyTypes":["Ingress","Egress"],"ingress":[{},{}],"egress":[{}]}"#, Some(2), Some(1)),
        ] {
            look("shop", &format!(r#"{{"spec":{spec}}}"#), &[], &[], |input| {
                let policy = own(input);
                let rules = |direction| policy.isolates(direction).then(|| policy.rules(direction).count());
                assert_eq!((rules(Direction::Ingress), rules(Direction::Egress)), (ingress, egress), "{spec}");
                if !policy.isolates(Direction::Egress) {
                    assert_eq!(policy.rules(Direction::Egress).count(), 0);
                }
            });
        }
    }

    #[test]
    fn a_rule_tells_its_peers_and_their_places() {
        let spec = r#"{"policyTypes":["Egress"],"egress":[{},
            {"to":[{"podSelector":{}},{"ipBlock":{"cidr":"10.0.0.0/8"}}],"ports":[{"port":53}]}]}"#;
        look("shop", &format!(r#"{{"spec":{spec}}}"#), &[], &[], |input| {
            let rules: Vec<PolicyRule<'_>> = own(input).rules(Direction::Egress).collect();
            assert!(rules[0].admits_all_peers() && rules[0].admits_all_ports());
            assert!(!rules[1].admits_all_peers() && !rules[1].admits_all_ports());
            let blocks: Vec<String> = rules[1].blocks().map(|(cidr, _)| cidr.pointer()).collect();
            assert_eq!(blocks, ["/spec/egress/1/to/1/ipBlock/cidr"]);
        });
    }
}
