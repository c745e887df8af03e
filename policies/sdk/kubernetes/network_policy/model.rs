//! A small model of what NetworkPolicies mean, held against what rules ask.
//!
//! The model has pods with labels and addresses in namespaces with labels, and takes each sentence of the API's
//! documentation word for word. It shares no code with the rules: neither selectors nor ranges nor views.

use super::{Direction, End, PodLabels, PodPort, Policy, admits, admits_but_for_pods, denies_by_default};
use crate::json::Json;
use crate::values::cidr::Cidr;
use crate::values::selector::Answer;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

type Labels = BTreeMap<String, String>;

#[derive(Debug, Clone)]
struct Expression {
    key: String,
    operator: &'static str,
    values: Vec<String>,
}

#[derive(Debug, Clone)]
struct Selector {
    labels: Labels,
    expressions: Vec<Expression>,
}

#[derive(Debug, Clone)]
enum Peer {
    Pods { pods: Option<Selector>, namespaces: Option<Selector> },
    Block { range: (u32, u8), except: Vec<(u32, u8)> },
}

#[derive(Debug, Clone)]
enum Wanted {
    All,
    Number(i64),
    Range(i64, i64),
    Name(&'static str),
}

#[derive(Debug, Clone)]
struct Rule {
    peers: Vec<Peer>,
    ports: Vec<(Option<&'static str>, Wanted)>,
}

#[derive(Debug, Clone)]
struct Written {
    pods: Selector,
    /// `None` where the field is absent.
    types: Option<Vec<Direction>>,
    ingress: Vec<Rule>,
    egress: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Pod {
    namespace: String,
    namespace_labels: Labels,
    labels: Labels,
    address: u32,
}

/// Who stands at the other end.
#[derive(Debug, Clone)]
enum Other {
    Pod(Pod),
    Outside(u32),
}

impl Selector {
    fn selects(&self, labels: &Labels) -> bool {
        let demand = |expression: &Expression| {
            let value = labels.get(&expression.key);
            match expression.operator {
                "In" => value.is_some_and(|value| expression.values.contains(value)),
                "NotIn" => !value.is_some_and(|value| expression.values.contains(value)),
                "Exists" => value.is_some(),
                _ => value.is_none(),
            }
        };
        self.labels.iter().all(|(key, value)| labels.get(key) == Some(value)) && self.expressions.iter().all(demand)
    }

    fn json(&self) -> Value {
        let expression = |it: &Expression| match it.operator {
            "In" | "NotIn" => json!({"key": it.key, "operator": it.operator, "values": it.values}),
            _ => json!({"key": it.key, "operator": it.operator}),
        };
        let expressions: Vec<Value> = self.expressions.iter().map(expression).collect();
        json!({"matchLabels": self.labels, "matchExpressions": expressions})
    }
}

fn is_in(address: u32, (prefix, length): (u32, u8)) -> bool {
    let size = 1_u64 << (32 - length);
    u64::from(address) / size == u64::from(prefix) / size
}

fn cidr((prefix, length): (u32, u8)) -> String {
    format!("{}/{length}", Ipv4Addr::from(prefix))
}

impl Peer {
    fn selects(&self, own: &str, other: &Other) -> bool {
        match (self, other) {
            (Self::Block { range, except }, other) => {
                let address = match other {
                    Other::Pod(pod) => pod.address,
                    Other::Outside(address) => *address,
                };
                is_in(address, *range) && !except.iter().any(|except| is_in(address, *except))
            }
            (Self::Pods { .. }, Other::Outside(_)) => false,
            (Self::Pods { pods, namespaces }, Other::Pod(pod)) => {
                let is_there = match namespaces {
                    Some(selector) => selector.selects(&pod.namespace_labels),
                    None => pod.namespace == own,
                };
                is_there && pods.as_ref().is_none_or(|selector| selector.selects(&pod.labels))
            }
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Block { range, except } => {
                let except: Vec<String> = except.iter().map(|range| cidr(*range)).collect();
                json!({"ipBlock": {"cidr": cidr(*range), "except": except}})
            }
            Self::Pods { pods, namespaces } => {
                let mut peer = serde_json::Map::new();
                if let Some(pods) = pods {
                    peer.insert("podSelector".into(), pods.json());
                }
                if let Some(namespaces) = namespaces {
                    peer.insert("namespaceSelector".into(), namespaces.json());
                }
                Value::Object(peer)
            }
        }
    }
}

impl Rule {
    fn passes(&self, own: &str, other: &Other, (number, protocol, name): (i64, &str, Option<&str>)) -> bool {
        let is_port = |(of, wanted): &(Option<&str>, Wanted)| {
            of.unwrap_or("TCP") == protocol
                && match wanted {
                    Wanted::All => true,
                    Wanted::Number(wanted) => *wanted == number,
                    Wanted::Range(first, last) => *first <= number && number <= *last,
                    Wanted::Name(wanted) => name == Some(wanted),
                }
        };
        (self.peers.is_empty() || self.peers.iter().any(|peer| peer.selects(own, other)))
            && (self.ports.is_empty() || self.ports.iter().any(is_port))
    }

    fn json(&self, peers: &str) -> Value {
        let port = |(protocol, wanted): &(Option<&str>, Wanted)| {
            let mut port = serde_json::Map::new();
            if let Some(protocol) = protocol {
                port.insert("protocol".into(), json!(protocol));
            }
            match wanted {
                Wanted::All => None,
                Wanted::Number(number) => port.insert("port".into(), json!(number)),
                Wanted::Range(first, last) => {
                    port.insert("endPort".into(), json!(last));
                    port.insert("port".into(), json!(first))
                }
                Wanted::Name(name) => port.insert("port".into(), json!(name)),
            };
            Value::Object(port)
        };
        let list: Vec<Value> = self.peers.iter().map(Peer::json).collect();
        json!({peers: list, "ports": self.ports.iter().map(port).collect::<Vec<_>>()})
    }
}

impl Written {
    fn isolates(&self, direction: Direction) -> bool {
        match &self.types {
            Some(types) => types.contains(&direction),
            None => direction == Direction::Ingress || !self.egress.is_empty(),
        }
    }

    fn rules(&self, direction: Direction) -> &[Rule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }

    fn json(&self) -> Value {
        let list = |rules: &[Rule], peers: &str| rules.iter().map(|rule| rule.json(peers)).collect::<Vec<_>>();
        let mut spec = json!({
            "podSelector": self.pods.json(), "ingress": list(&self.ingress, "from"), "egress": list(&self.egress, "to"),
        });
        if let Some(types) = &self.types {
            spec["policyTypes"] = types.iter().map(|it| it.name()).collect();
        }
        spec
    }
}

/// What the API's documentation says: a pod that no policy isolates in a direction may do everything; else what some
/// rule of the policies that isolate it lets through.
fn passes(
    policies: &[Written],
    pod: &Pod,
    direction: Direction,
    other: &Other,
    port: (i64, &str, Option<&str>),
) -> bool {
    let isolating: Vec<&Written> =
        policies.iter().filter(|it| it.pods.selects(&pod.labels) && it.isolates(direction)).collect();
    isolating.is_empty()
        || isolating.iter().any(|it| it.rules(direction).iter().any(|rule| rule.passes(&pod.namespace, other, port)))
}

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::btree_map("[ab]", "[xy]", 0..3)
}

fn selector() -> impl Strategy<Value = Selector> {
    let operator = prop::sample::select(vec!["In", "NotIn", "Exists", "DoesNotExist"]);
    let expression = ("[ab]", operator, prop::collection::vec("[xy]", 1..3))
        .prop_map(|(key, operator, values)| Expression { key, operator, values });
    let empty = Just(Selector { labels: Labels::new(), expressions: Vec::new() });
    let some = (labels(), prop::collection::vec(expression, 0..2))
        .prop_map(|(labels, expressions)| Selector { labels, expressions });
    prop_oneof![1 => empty, 2 => some]
}

/// Few addresses, so that they meet ranges at times.
fn address() -> impl Strategy<Value = u32> {
    prop_oneof![0x0a00_0000_u32..0x0a00_0008, Just(0xa9fe_140a), Just(0x0808_0808)]
}

fn range() -> impl Strategy<Value = (u32, u8)> {
    prop_oneof![
        Just((0, 0)),
        (0x0a00_0000_u32..0x0a00_0008, 29_u8..=32)
            .prop_map(|(address, length)| { (address & (u32::MAX << (32 - length)), length) }),
        Just((0xa9fe_140a, 32)),
    ]
}

fn peer() -> impl Strategy<Value = Peer> {
    // At least one of both, or it is a block: the API server takes no other.
    let pods = prop_oneof![
        selector().prop_map(|pods| (Some(pods), None)),
        selector().prop_map(|namespaces| (None, Some(namespaces))),
        (selector(), selector()).prop_map(|(pods, namespaces)| (Some(pods), Some(namespaces))),
    ];
    let pods = pods.prop_map(|(pods, namespaces)| Peer::Pods { pods, namespaces });
    let block =
        (range(), prop::collection::vec(range(), 0..2)).prop_map(|(range, except)| Peer::Block { range, except });
    prop_oneof![2 => pods, 1 => block]
}

fn rule() -> impl Strategy<Value = Rule> {
    let wanted = prop_oneof![
        Just(Wanted::All),
        (50_i64..56).prop_map(Wanted::Number),
        (50_i64..54, 1_i64..3).prop_map(|(first, more)| Wanted::Range(first, first + more)),
        Just(Wanted::Range(1, 65535)),
        prop::sample::select(vec!["dns", "web"]).prop_map(Wanted::Name),
    ];
    let protocol = prop::sample::select(vec![None, Some("TCP"), Some("UDP"), Some("SCTP")]);
    (prop::collection::vec(peer(), 0..3), prop::collection::vec((protocol, wanted), 0..3))
        .prop_map(|(peers, ports)| Rule { peers, ports })
}

fn policy() -> impl Strategy<Value = Written> {
    let types = prop::sample::select(vec![
        None,
        Some(vec![Direction::Ingress]),
        Some(vec![Direction::Egress]),
        Some(vec![Direction::Ingress, Direction::Egress]),
    ]);
    let rules = || prop::collection::vec(rule(), 0..3);
    (selector(), types, rules(), rules()).prop_map(|(pods, types, ingress, egress)| Written {
        pods,
        types,
        ingress,
        egress,
    })
}

fn pod() -> impl Strategy<Value = Pod> {
    ("[mn]", labels(), labels(), address()).prop_map(|(namespace, mut namespace_labels, labels, address)| {
        namespace_labels.insert("kubernetes.io/metadata.name".into(), namespace.clone());
        Pod { namespace, namespace_labels, labels, address }
    })
}

/// A port of a pod: its number, its protocol and the name that a container gives to it.
fn port() -> impl Strategy<Value = (i64, &'static str, Option<&'static str>)> {
    let protocol = prop::sample::select(vec!["TCP", "UDP"]);
    (50_i64..56, protocol, prop::sample::select(vec![None, Some("dns"), Some("web")]))
}

/// All labels that pods of the model can have.
fn all_labels() -> Vec<Labels> {
    let values = [None, Some("x"), Some("y")];
    let both = values.iter().flat_map(|a| values.iter().map(move |b| [("a", *a), ("b", *b)]));
    let entry = |(key, value): (&str, Option<&str>)| Some((key.to_owned(), value?.to_owned()));
    both.map(|pair| pair.into_iter().filter_map(entry).collect()).collect()
}

fn direction() -> impl Strategy<Value = Direction> {
    prop::sample::select(vec![Direction::Ingress, Direction::Egress])
}

/// Puts policies as rules see them before `look`, those that `wanted` lets through.
fn looked<T>(policies: &[Written], wanted: impl Fn(&Written) -> bool, look: impl FnOnce(&[Policy<'_>]) -> T) -> T {
    let texts: Vec<String> =
        policies.iter().filter(|policy| wanted(policy)).map(|policy| policy.json().to_string()).collect();
    let parsed: Vec<Json<'_>> = texts.iter().map(|text| Json::parse(text).unwrap()).collect();
    let views: Vec<Policy<'_>> = parsed.iter().map(|json| Policy(json.root())).collect();
    look(&views)
}

fn at(address: u32) -> Cidr {
    Cidr::parse_or_address(&Ipv4Addr::from(address).to_string()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Where all is known that labels decide, rules and the model agree, but for blocks, of which rules do not know
    /// whether pods are in them. Where less is known a rule may not know, but never says the opposite.
    #[test]
    fn what_passes_is_what_the_model_lets_through(
        policies in prop::collection::vec(policy(), 0..4),
        pod in pod(),
        other in pod(),
        direction in direction(),
        (number, protocol, name) in port(),
        knows_namespace: bool,
        knows_labels: bool,
        knows_some: bool,
    ) {
        let expected = passes(&policies, &pod, direction, &Other::Pod(other.clone()), (number, protocol, name));
        let has_blocks = policies.iter().flat_map(|it| it.rules(direction)).flat_map(|rule| &rule.peers);
        let has_blocks = has_blocks.into_iter().any(|peer| matches!(peer, Peer::Block { .. }));
        let texts = [&other.namespace_labels, &other.labels].map(|labels| serde_json::to_string(labels).unwrap());
        let [of_namespace, of_pod] = texts.each_ref().map(|text| Json::parse(text).unwrap());
        let first: Labels = other.labels.clone().into_iter().take(1).collect();
        let first = serde_json::to_string(&first).unwrap();
        let some = Json::parse(&first).unwrap();
        let end = End::Pods {
            namespace: &other.namespace,
            namespace_labels: knows_namespace.then(|| of_namespace.root()),
            labels: match (knows_labels, knows_some) {
                (true, _) => PodLabels::All(of_pod.root()),
                (false, true) => PodLabels::AtLeast(some.root()),
                (false, false) => PodLabels::Unknown,
            },
        };
        let port = PodPort { number: Some(number), protocol, names: name.into_iter().collect() };
        let answer = looked(&policies, |it| it.pods.selects(&pod.labels), |policies| {
            admits(policies, direction, &pod.namespace, &end, &port)
        });
        prop_assert!(answer == Answer::Unknown || answer == Answer::of(expected), "{answer:?} for {expected}");
        if knows_namespace && knows_labels && !has_blocks {
            prop_assert_eq!(answer, Answer::of(expected));
        }
    }

    /// What rules say of pods whose labels nobody knows, DNS and controllers: where they are denied, no pod of the namespace
    /// gets through, whatever its labels.
    #[test]
    fn what_is_denied_to_a_namespace_is_denied_to_each_of_its_pods(
        policies in prop::collection::vec(policy(), 0..4),
        pod in pod(),
        other in pod(),
        direction in direction(),
        (number, protocol, name) in port(),
        knows_namespace: bool,
    ) {
        let text = serde_json::to_string(&other.namespace_labels).unwrap();
        let of_namespace = Json::parse(&text).unwrap();
        let end = End::Pods {
            namespace: &other.namespace,
            namespace_labels: knows_namespace.then(|| of_namespace.root()),
            labels: PodLabels::Unknown,
        };
        let port = PodPort { number: Some(number), protocol, names: name.into_iter().collect() };
        let answer = looked(&policies, |it| it.pods.selects(&pod.labels), |policies| {
            admits_but_for_pods(policies, direction, &pod.namespace, &end, &port)
        });
        let passes = |labels: Labels| {
            let other = Other::Pod(Pod { labels, ..other.clone() });
            passes(&policies, &pod, direction, &other, (number, protocol, name))
        };
        if answer == Answer::No {
            prop_assert!(!all_labels().into_iter().any(passes));
        }
    }

    #[test]
    fn addresses_are_always_known(
        policies in prop::collection::vec(policy(), 0..4),
        pod in pod(),
        outside in address(),
        direction in direction(),
        number in 50_i64..56,
    ) {
        let expected = passes(&policies, &pod, direction, &Other::Outside(outside), (number, "UDP", None));
        let answer = looked(&policies, |it| it.pods.selects(&pod.labels), |policies| {
            admits(policies, direction, &pod.namespace, &End::Address(at(outside)), &PodPort::of(number, "UDP"))
        });
        prop_assert_eq!(answer, Answer::of(expected));
    }

    /// A namespace denies by default where a new pod, of which nobody has written anything, is kept from something:
    /// from some address, some pod, on some port of some protocol.
    #[test]
    fn a_namespace_denies_by_default_where_a_new_pod_is_kept_from_something(
        policies in prop::collection::vec(policy(), 0..4),
        direction in direction(),
    ) {
        // Ranges that together leave nothing out are for nobody to add up.
        let peers = || policies.iter().flat_map(|it| it.rules(direction)).flat_map(|rule| &rule.peers);
        let leaves_out = |peer: &&Peer| matches!(peer, Peer::Block { range: (0, 0), except } if !except.is_empty());
        let is_block = |peer: &&Peer| matches!(peer, Peer::Block { .. });
        prop_assume!(peers().filter(leaves_out).count() == 0 || peers().filter(is_block).count() < 2);
        let new = Pod {
            namespace: "m".into(),
            namespace_labels: Labels::new(),
            labels: Labels::new(),
            address: 0x0a00_0001,
        };
        // An address, a pod and a port that no policy names, beside those that one may exclude.
        let addresses = (0x0a00_0000..0x0a00_0008).chain([0xa9fe_140a, 0x0102_0304]);
        let mut others: Vec<Other> = addresses.map(Other::Outside).collect();
        others.push(Other::Pod(Pod { namespace: "z".into(), address: 0x0b00_0001, ..new.clone() }));
        let ports = ["TCP", "UDP", "SCTP"].map(|protocol| (4242_i64, protocol, None));
        let is_kept_from = |other: &Other| ports.iter().any(|port| !passes(&policies, &new, direction, other, *port));
        let is_kept = others.iter().any(is_kept_from);
        let answer = looked(&policies, |_| true, |policies| denies_by_default(policies, direction));
        prop_assert_eq!(answer, is_kept);
    }
}
