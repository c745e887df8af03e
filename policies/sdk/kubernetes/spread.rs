//! What keeps a workload's pods apart: topology spread constraints, and anti-affinity to pods of their own.

use super::operated::LATE_LABELS;
use crate::finding::Fix;
use crate::input::Input;
use crate::json::{Kind, View};
use crate::object;
use crate::uses::Uses;
use crate::values::selector::{self, Answer};
use crate::write::Raw;

crate::usable! {
    /// What keeps the subject's pods apart.
    pub Spread {
        reads: [
            "pod.metadata.labels",
            "pod.spec.topologySpreadConstraints",
            "pod.spec.affinity.podAntiAffinity",
        ],
    }
    /// What a constraint that keeps the subject's pods apart is written with.
    pub NewConstraints {
        reads: ["object.spec.selector"],
    }
}

/// The label of nodes that names each.
pub const NODE: &str = "kubernetes.io/hostname";
/// The label of nodes that names their zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// The labels by which the domains that Kubernetes knows are told apart, deprecated ones too.
pub const KEYS: [&str; 5] = [
    NODE,
    ZONE,
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
];

/// A topology spread constraint, or a term of a pod anti-affinity.
#[derive(Clone)]
pub struct Apart<'d> {
    /// Where it stands.
    pub view: View<'d>,
    /// Whether a pod waits for a place as long as it cannot be met.
    pub is_hard: bool,
    /// Whether it is about the pods that have it: its selector matches their labels, and it looks into their namespace.
    /// Labels that controllers set are taken for right. It is not known where the labels of namespaces decide.
    pub selects_own: Answer,
}

impl<'d> Apart<'d> {
    fn new(view: View<'d>, is_hard: bool, (labels, namespace): (&View<'_>, &str)) -> Self {
        let matches = selector::matches_ignoring(&view.get("labelSelector"), labels, &LATE_LABELS);
        let is_of_own = matches && view.get("mismatchLabelKeys").is_empty();
        let selects_own = if is_of_own { looks_into(&view, namespace) } else { Answer::No };
        Self { selects_own, view, is_hard }
    }

    /// The label of nodes whose values it keeps the pods apart by.
    pub fn key(&self) -> &'d str {
        self.view.get("topologyKey").text()
    }
}

/// Whether a term of an affinity looks into a namespace, of pods that are in it: it does unless it names others, by
/// their names or their labels. A constraint names none.
fn looks_into(term: &View<'_>, own: &str) -> Answer {
    let (names, selector) = (term.get("namespaces"), term.get("namespaceSelector"));
    if names.is_empty() && !selector.exists() {
        return Answer::Yes;
    }
    let is_named = names.items().any(|name| name.text() == own);
    // Into which namespace the objects of a file go may be said elsewhere.
    let by_name = if own.is_empty() && !names.is_empty() { Answer::Unknown } else { Answer::of(is_named) };
    let name = |key: &str| (key == "kubernetes.io/metadata.name" && !own.is_empty()).then_some(Some(own));
    let by_labels = if selector.exists() { selector::matches_known(&selector, name) } else { Answer::No };
    by_name.max(by_labels)
}

/// The subject's topology spread constraints.
pub fn constraints<'d, P: Uses<Spread>>(input: &Input<'d, P>) -> impl Iterator<Item = Apart<'d>> + use<'d, P> {
    let workload = input.workload();
    let (labels, namespace) = (workload.pod_labels(), input.subject.namespace.as_str());
    list(&workload.spec()).items().map(move |view| {
        let is_hard = view.get("whenUnsatisfiable").text() == "DoNotSchedule";
        Apart::new(view, is_hard, (&labels, namespace))
    })
}

/// The terms of the subject's anti-affinity to pods.
pub fn anti_affinity<'d, P: Uses<Spread>>(input: &Input<'d, P>) -> impl Iterator<Item = Apart<'d>> + use<'d, P> {
    let workload = input.workload();
    let (labels, namespace) = (workload.pod_labels(), input.subject.namespace.as_str());
    let affinity = workload.spec().at("affinity.podAntiAffinity");
    let required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution").items().map(|term| (term, true));
    let preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution").items();
    let preferred = preferred.map(|term| (term.get("podAffinityTerm"), false));
    required.chain(preferred).map(move |(term, is_hard)| Apart::new(term, is_hard, (&labels, namespace)))
}

/// Whether a required anti-affinity lets each node run only one of the subject's pods.
pub fn is_alone_on_node<P: Uses<Spread>>(input: &Input<'_, P>) -> bool {
    anti_affinity(input).any(|term| term.is_hard && term.selects_own == Answer::Yes && term.key() == NODE)
}

/// A fix that spreads the replicas over zones and over nodes where they are not yet, as far as the scheduler finds
/// that convenient. Both, because any constraint switches off those that it has by default. `None` where the
/// workload's own selector does not match its pods, and where nothing is missing.
pub fn fix<P: Uses<Spread> + Uses<NewConstraints>>(input: &Input<'_, P>) -> Option<Fix> {
    added(input, "spread the replicas over zones and nodes", &[ZONE, NODE])
}

/// Like [`fix`], over nodes alone. `None` too where there are no constraints: the scheduler then spreads over nodes and
/// zones by itself, and a constraint over nodes would end that over zones.
pub fn fix_over_nodes<P: Uses<Spread> + Uses<NewConstraints>>(input: &Input<'_, P>) -> Option<Fix> {
    let has_constraints = !list(&input.workload().spec()).is_empty();
    has_constraints.then(|| added(input, "spread the replicas over nodes", &[NODE]))?
}

fn added<P: Uses<Spread> + Uses<NewConstraints>>(input: &Input<'_, P>, title: &str, keys: &[&str]) -> Option<Fix> {
    let workload = input.workload();
    let own = workload.object.at("spec.selector");
    if own.is_empty() || !selector::matches(&own, &workload.pod_labels()) {
        return None;
    }
    let match_keys = (workload.kind() == "Deployment").then_some(["pod-template-hash"]);
    let constraint = |key: &str| {
        object! {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": workload.selector(),
            "matchLabelKeys": ?match_keys,
        }
    };
    let missing = keys.iter().filter(|key| !constraints(input).any(|it| it.key() == **key));
    let missing: Vec<Raw> = missing.map(|key| constraint(key)).collect();
    if missing.is_empty() {
        return None;
    }
    let all = list(&workload.spec());
    let fix = Fix::unsafe_(title);
    Some(match all.kind() {
        Some(Kind::Array) => missing.iter().fold(fix, |fix, constraint| fix.set(&all.end(), constraint)),
        _ => fix.set(&all, missing),
    })
}

/// Where constraints stand.
pub fn list<'d>(pod_spec: &View<'d>) -> View<'d> {
    pod_spec.get("topologySpreadConstraints")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn only_what_selects_the_own_pods_keeps_them_apart() {
        let document = r#"{"pod":{"metadata":{"labels":{"app":"cart"}},"spec":{
            "topologySpreadConstraints":[
                {"topologyKey":"a","whenUnsatisfiable":"DoNotSchedule","labelSelector":{"matchLabels":{"app":"cart"}}},
                {"topologyKey":"b","labelSelector":{"matchLabels":{"app":"cart","pod-template-hash":"x"}}},
                {"topologyKey":"c","labelSelector":{"matchLabels":{"app":"web"}}},
                {"topologyKey":"d"},
                {"topologyKey":"e","labelSelector":{}}],
            "affinity":{"podAntiAffinity":{
                "requiredDuringSchedulingIgnoredDuringExecution":[
                    {"topologyKey":"kubernetes.io/hostname","labelSelector":{"matchExpressions":[
                        {"key":"app","operator":"In","values":["cart"]}]}},
                    {"topologyKey":"f","labelSelector":{},"mismatchLabelKeys":["app"]}],
                "preferredDuringSchedulingIgnoredDuringExecution":[
                    {"podAffinityTerm":{"topologyKey":"g","labelSelector":{"matchLabels":{"app":"cart"}}}}]}}}}}"#;
        look("shop", document, &[], &[], |input| {
            let seen = |it: Apart<'_>| (it.key().to_owned(), it.is_hard, it.selects_own == Answer::Yes);
            let expected = [("a", true, true), ("b", false, true), ("c", false, false), ("d", false, false)];
            let expected = expected.into_iter().chain([("e", false, true)]);
            let expected: Vec<_> = expected.map(|(key, hard, own)| (key.to_owned(), hard, own)).collect();
            assert_eq!(constraints(input).map(seen).collect::<Vec<_>>(), expected);
            let expected = [(NODE, true, true), ("f", true, false), ("g", false, true)];
            let expected: Vec<_> = expected.into_iter().map(|(key, hard, own)| (key.to_owned(), hard, own)).collect();
            assert_eq!(anti_affinity(input).map(seen).collect::<Vec<_>>(), expected);
            assert!(is_alone_on_node(input));
        });
    }

    #[test]
    fn an_affinity_may_look_into_other_namespaces_alone() {
        let of = |namespace: &str, term: &str| {
            let document = format!(
                r#"{{"pod":{{"metadata":{{"labels":{{"app":"cart"}}}},"spec":{{"affinity":{{"podAntiAffinity":{{
                "requiredDuringSchedulingIgnoredDuringExecution":[{{"topologyKey":"kubernetes.io/hostname",
                "labelSelector":{{"matchLabels":{{"app":"cart"}}}}{term}}}]}}}}}}}}}}"#
            );
            look(namespace, &document, &[], &[], |input| {
                let selects_own = anti_affinity(input).map(|it| it.selects_own).next().unwrap();
                assert_eq!(is_alone_on_node(input), selects_own == Answer::Yes);
                selects_own
            })
        };
        let by_name = |values: &str| {
            let expression = r#"{"key":"kubernetes.io/metadata.name","operator":"NotIn","values":"#;
            format!(r#","namespaceSelector":{{"matchExpressions":[{expression}{values}}}]}}"#)
        };
        for (term, answer) in [
            ("", Answer::Yes),
            (r#","namespaces":[]"#, Answer::Yes),
            (r#","namespaces":["shop"]"#, Answer::Yes),
            (r#","namespaces":["other"]"#, Answer::No),
            (r#","namespaceSelector":{}"#, Answer::Yes),
            (r#","namespaces":["other"],"namespaceSelector":{}"#, Answer::Yes),
            (r#","namespaces":["other"],"namespaceSelector":null"#, Answer::No),
            (r#","namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"other"}}"#, Answer::No),
            (r#","namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"shop"}}"#, Answer::Yes),
            (r#","namespaceSelector":{"matchLabels":{"team":"a"}}"#, Answer::Unknown),
            (r#","namespaces":["shop"],"namespaceSelector":{"matchLabels":{"team":"a"}}"#, Answer::Yes),
            (&by_name(r#"["shop"]"#), Answer::No),
            (&by_name(r#"["other"]"#), Answer::Yes),
        ] {
            assert_eq!(of("shop", term), answer, "{term}");
        }
        assert_eq!(of("", r#","namespaces":["other"]"#), Answer::Unknown);
        assert_eq!(of("", r#","namespaceSelector":{}"#), Answer::Yes);
    }
}
