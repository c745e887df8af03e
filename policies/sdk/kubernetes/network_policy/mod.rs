//! NetworkPolicies: in which directions they isolate pods, and whom they let through.
//!
//! A policy says what it lets through, and all policies that select a pod count together: [`admits`] answers for them.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;
use crate::values::cidr::Cidr;
use crate::values::port::{Port, protocol};
use crate::values::selector::{self, Answer};

crate::usable! {
    /// The NetworkPolicies that select the subject's pods.
    pub NetworkPolicies {
        reads: ["pod.metadata.labels"],
        inventory: {
            policies: {
                kinds: ["networking.k8s.io/NetworkPolicy"],
                scope: "namespace",
                relation: selects { there: "spec.podSelector", here: "pod.metadata.labels" },
                reads: ["spec.podSelector", "spec.policyTypes", "spec.ingress", "spec.egress"],
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
    /// The labels by which policies select Namespaces: those of the subject's own and of those that the cluster's DNS is
    /// in. All Namespaces would be told to every workload.
    pub NamespaceLabels {
        inventory: {
            policy_namespace: {
                kinds: ["core/Namespace"],
                scope: "cluster",
                relation: of { there: "namespace" },
                reads: ["metadata.labels"],
            },
            dns_namespaces: {
                kinds: ["core/Namespace"],
                scope: "cluster",
                relation: named { kind: "=Namespace", name: ["=kube-system", "=openshift-dns"] },
                reads: ["metadata.labels"],
            },
        },
    }
    /// The Services that select the pods of [`OwnPolicy`], behind which a rule lists it.
    pub IsolatedServices {
        inventory: {
            isolated_services: {
                kinds: ["core/Service"],
                scope: "namespace",
                via: "isolated",
                relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
                reads: ["spec.ports"],
            },
        },
    }
    /// Where the subject, a NetworkPolicy, selects no workload's pods: the workloads that have one of the labels that it
    /// selects by, and so may be meant. A rule lists it behind [`OwnPolicy`].
    pub NearPods {
        reads: ["spec.podSelector"],
        inventory: {
            near_pods: {
                kinds: ["workload"],
                scope: "namespace",
                unless: "isolated",
                relation: same { there: "pod.metadata.labels.*", here: "spec.podSelector.matchLabels.*" },
                reads: ["pod.metadata.labels"],
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

    /// Whether it admits every port of a protocol.
    fn admits_protocol(&self, wanted: &str) -> bool {
        let covers = |port: View<'d>| {
            let number = port.get("port");
            let is_all = number.as_i64() == Some(1) && port.get("endPort").as_i64() == Some(65535);
            protocol(&port) == wanted && (!number.exists() || is_all)
        };
        self.admits_all_ports() || self.view.get("ports").items().any(covers)
    }

    /// Whether it admits every peer: it names none, or the range of all addresses of IPv4 without an exception.
    fn admits_everybody(&self) -> bool {
        let is_all = |(cidr, block): (View<'d>, View<'d>)| {
            Cidr::parse(cidr.text()).is_some_and(|range| range.is_any() && !range.is_v6())
                && block.get("except").is_empty()
        };
        self.admits_all_peers() || self.blocks().any(is_all)
    }

    /// Whether it admits a port of pods.
    pub fn admits_port(&self, wanted: &PodPort<'_>) -> bool {
        self.admits_all_ports() || self.view.get("ports").items().any(|port| wanted.is(&port))
    }

    /// Whether it admits what stands at the other end of a connection, for a policy of the namespace `own`.
    pub fn admits_end(&self, own: &str, end: &End<'_>) -> Answer {
        if self.admits_all_peers() {
            return Answer::Yes;
        }
        self.peers.items().map(|peer| end.is(&peer, own)).max().unwrap_or(Answer::No)
    }

    /// The address ranges that it admits: `cidr`, and the view that holds it with its exceptions.
    pub fn blocks(&self) -> impl Iterator<Item = (View<'d>, View<'d>)> + use<'d> {
        let blocks = self.peers.items().map(|peer| peer.get("ipBlock")).filter(View::exists);
        blocks.map(|block| (block.get("cidr"), block))
    }
}

/// A port of pods.
#[derive(Debug, Clone)]
pub struct PodPort<'d> {
    /// Its number; `None` where only its names are known.
    pub number: Option<i64>,
    /// Its protocol.
    pub protocol: &'d str,
    /// What containers call it.
    pub names: Vec<&'d str>,
}

impl<'d> PodPort<'d> {
    /// A port by its number.
    pub fn of(number: i64, protocol: &'d str) -> Self {
        Self { number: Some(number), protocol, names: Vec::new() }
    }

    /// The port of the pods that `port` means, by what their containers declare, entries of `ports`. A name that nobody
    /// declares has no number.
    pub fn resolve(port: Port<'d>, protocol: &'d str, declared: impl Iterator<Item = View<'d>>) -> Self {
        let same: Vec<View<'d>> = declared.filter(|it| crate::values::port::protocol(it) == protocol).collect();
        let number = match port {
            Port::Number(number) => Some(number),
            Port::Name(_) => same.iter().find(|it| port.is(it)).and_then(|it| it.get("containerPort").as_i64()),
        };
        let is_it = |it: &&View<'d>| number.is_some() && it.get("containerPort").as_i64() == number;
        let mut names: Vec<&str> = same.iter().filter(is_it).filter_map(|it| it.get("name").as_str()).collect();
        if let (Port::Name(name), None) = (port, number) {
            names.push(name);
        }
        Self { number, protocol, names }
    }

    /// Whether an entry of a rule's `ports` means it.
    fn is(&self, entry: &View<'_>) -> bool {
        if protocol(entry) != self.protocol {
            return false;
        }
        let port = entry.get("port");
        match Port::from_view(&port) {
            None => !port.exists(),
            Some(Port::Name(name)) => self.names.contains(&name),
            Some(Port::Number(first)) => {
                let last = entry.get("endPort").as_i64().unwrap_or(first);
                self.number.is_some_and(|number| (first..=last).contains(&number))
            }
        }
    }
}

/// What stands at the other end of a connection.
#[derive(Clone)]
pub enum End<'d> {
    /// Pods of a namespace.
    Pods {
        /// The namespace's name.
        namespace: &'d str,
        /// The namespace's labels; without them only the one that Kubernetes gives every namespace is known.
        namespace_labels: Option<View<'d>>,
        /// What is known of the pods' labels.
        labels: PodLabels<'d>,
    },
    /// An address.
    Address(Cidr),
}

/// What is known of the labels of pods.
#[derive(Clone)]
pub enum PodLabels<'d> {
    /// Nothing.
    Unknown,
    /// They have these, and maybe others: those of a Service's selector.
    AtLeast(View<'d>),
    /// All that they have: those of a pod template.
    All(View<'d>),
}

impl<'d> PodLabels<'d> {
    /// The value of a label, as [`selector::matches_known`] asks for it.
    fn value(&self, key: &str) -> Option<Option<&'d str>> {
        match self {
            Self::Unknown => None,
            Self::AtLeast(labels) => labels.get(key).as_str().map(Some),
            Self::All(labels) => Some(labels.get(key).as_str()),
        }
    }
}

/// The label that Kubernetes gives every namespace: its name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

impl<'d> End<'d> {
    /// Some pods of a namespace.
    pub fn in_namespace<'i: 'd, P: Uses<NamespaceLabels>>(input: &Input<'i, P>, namespace: &'d str) -> Self {
        let namespace_labels = namespace_labels(input, namespace);
        Self::Pods { namespace, namespace_labels, labels: PodLabels::Unknown }
    }

    /// Whether a peer, an entry of `from` or `to` of a policy in the namespace `own`, selects it.
    fn is(&self, peer: &View<'_>, own: &str) -> Answer {
        let (block, pods) = (peer.get("ipBlock"), peer.get("podSelector"));
        if block.exists() {
            return self.is_in(&block);
        }
        let Self::Pods { namespace, namespace_labels, labels } = self else { return Answer::No };
        let is_there = is_namespace(peer, own, namespace, namespace_labels.as_ref());
        let is_one = if pods.exists() { selector::matches_known(&pods, |key| labels.value(key)) } else { Answer::Yes };
        is_there.min(is_one)
    }

    /// Whether it is in an address range with its exceptions. Which addresses pods have is not known.
    fn is_in(&self, block: &View<'_>) -> Answer {
        let Some(range) = Cidr::parse(block.get("cidr").text()) else { return Answer::No };
        let mut except = block.get("except").items().filter_map(|view| Cidr::parse(view.text()));
        match self {
            Self::Address(address) => {
                Answer::of(range.contains(address) && !except.any(|except| except.contains(address)))
            }
            Self::Pods { .. } if range.is_any() && block.get("except").is_empty() => Answer::Yes,
            Self::Pods { .. } => Answer::Unknown,
        }
    }
}

/// The labels of a Namespace, where they are among what the rule is told.
pub fn namespace_labels<'d, P: Uses<NamespaceLabels>>(input: &Input<'d, P>, name: &str) -> Option<View<'d>> {
    let mut all = ["policy_namespace", "dns_namespaces"].into_iter().flat_map(|query| input.related(query));
    all.find(|namespace| namespace.name() == name).map(|namespace| namespace.document.at("metadata.labels"))
}

/// Whether policies of the namespace `own`, all those that select some pods, let a connection of these pods through in a
/// direction. Where none isolates them everything passes.
pub fn admits(policies: &[Policy<'_>], direction: Direction, own: &str, end: &End<'_>, port: &PodPort<'_>) -> Answer {
    if !policies.iter().any(|policy| policy.isolates(direction)) {
        return Answer::Yes;
    }
    let rules = policies.iter().flat_map(|policy| policy.rules(direction));
    rules.filter(|rule| rule.admits_port(port)).map(|rule| rule.admits_end(own, end)).max().unwrap_or(Answer::No)
}

/// [`admits`], where a selector of pods beside one of namespaces is taken to mean those that are asked about: which labels
/// the pods of another team have is seldom known.
pub fn admits_but_for_pods(
    policies: &[Policy<'_>],
    direction: Direction,
    own: &str,
    end: &End<'_>,
    port: &PodPort<'_>,
) -> Answer {
    let answer = admits(policies, direction, own, end, port);
    let End::Pods { namespace, namespace_labels, labels: PodLabels::Unknown } = end else { return answer };
    if answer != Answer::Unknown {
        return answer;
    }
    // Without labels of pods only the namespaces are compared.
    let rules = policies.iter().flat_map(|policy| policy.rules(direction)).filter(|rule| rule.admits_port(port));
    let peers = rules.flat_map(|rule| rule.peers.items().collect::<Vec<_>>());
    let of_peer = |peer: View<'_>| match peer.get("ipBlock").exists() {
        true => end.is(&peer, own),
        false => is_namespace(&peer, own, namespace, namespace_labels.as_ref()),
    };
    peers.map(of_peer).max().unwrap_or(answer)
}

/// Whether a peer, which is no address range, looks into a namespace.
fn is_namespace(peer: &View<'_>, own: &str, name: &str, labels: Option<&View<'_>>) -> Answer {
    let selector = peer.get("namespaceSelector");
    if !selector.exists() {
        return Answer::of(peer.get("podSelector").exists() && name == own);
    }
    selector::matches_known(&selector, |key| match labels {
        _ if key == NAMESPACE_NAME => Some(Some(name)),
        Some(labels) => Some(labels.get(key).as_str()),
        None => None,
    })
}

/// Whether the policies of a namespace keep something from pods of which no policy says anything: a policy that selects
/// pods without labels isolates them, and those that do together do not let everything through.
pub fn denies_by_default(policies: &[Policy<'_>], direction: Direction) -> bool {
    let selects_new = |policy: &&Policy<'_>| {
        let no_labels = policy.0.get("labels of a pod without any");
        selector::matches(&policy.0.get("podSelector"), &no_labels)
    };
    let general: Vec<&Policy<'_>> = policies.iter().filter(selects_new).collect();
    let admits = |wanted| {
        let mut rules = general.iter().flat_map(|policy| policy.rules(direction));
        rules.any(|rule| rule.admits_everybody() && rule.admits_protocol(wanted))
    };
    general.iter().any(|policy| policy.isolates(direction)) && !["TCP", "UDP", "SCTP"].into_iter().all(admits)
}

/// The policies that select the subject's pods, as documents.
pub fn selecting<'d, P: Uses<NetworkPolicies>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("policies")
}

/// Of the policies that select the subject's pods, the first that isolates them in a direction, and where it says so.
pub fn isolating<'d, P: Uses<NetworkPolicies>>(
    input: &Input<'d, P>,
    direction: Direction,
) -> Option<(Related<'d>, View<'d>)> {
    let mut all = selecting(input);
    let policy = all.find(|policy| Policy(policy.document.get("spec")).isolates(direction))?;
    let types = policy.document.at("spec.policyTypes");
    let written = types.items().find(|kind| kind.text() == direction.name());
    let place = written.unwrap_or_else(|| policy.document.at("spec.podSelector"));
    Some((policy, place))
}

/// The Services that select pods which the subject, a NetworkPolicy, selects as well.
pub fn services<'d, P: Uses<IsolatedServices>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("isolated_services")
}

/// The workloads that have one of the labels by which the subject, a NetworkPolicy, selects.
pub fn near<'d, P: Uses<NearPods>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    input.related("near_pods")
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
mod model;

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
