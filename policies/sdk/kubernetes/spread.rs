//! What keeps a workload's pods apart: topology spread constraints, and anti-affinity to pods of their own.

use super::operated::LATE_LABELS;
use crate::finding::Fix;
use crate::input::Input;
use crate::json::{Kind, View};
use crate::object;
use crate::uses::Uses;
use crate::values::selector;
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
    /// Whether its selector matches the labels of the pods that have it; labels that controllers set are taken for
    /// right.
    pub selects_own: bool,
}

impl<'d> Apart<'d> {
    fn new(view: View<'d>, is_hard: bool, labels: &View<'_>) -> Self {
        let matches = selector::matches_ignoring(&view.get("labelSelector"), labels, &LATE_LABELS);
        Self { selects_own: matches && view.get("mismatchLabelKeys").is_empty(), view, is_hard }
    }

    /// The label of nodes whose values it keeps the pods apart by.
    pub fn key(&self) -> &'d str {
        self.view.get("topologyKey").text()
    }
}

/// The subject's topology spread constraints.
pub fn constraints<'d, P: Uses<Spread>>(input: &Input<'d, P>) -> impl Iterator<Item = Apart<'d>> + use<'d, P> {
    let workload = input.workload();
    let labels = workload.pod_labels();
    list(&workload.spec()).items().map(move |view| {
        let is_hard = view.get("whenUnsatisfiable").text() == "DoNotSchedule";
        Apart::new(view, is_hard, &labels)
    })
}

/// The terms of the subject's anti-affinity to pods.
pub fn anti_affinity<'d, P: Uses<Spread>>(input: &Input<'d, P>) -> impl Iterator<Item = Apart<'d>> + use<'d, P> {
    let workload = input.workload();
    let labels = workload.pod_labels();
    let affinity = workload.spec().at("affinity.podAntiAffinity");
    let required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution").items().map(|term| (term, true));
    let preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution").items();
    let preferred = preferred.map(|term| (term.get("podAffinityTerm"), false));
    required.chain(preferred).map(move |(term, is_hard)| Apart::new(term, is_hard, &labels))
}

/// Whether a required anti-affinity lets each node run only one of the subject's pods.
pub fn is_alone_on_node<P: Uses<Spread>>(input: &Input<'_, P>) -> bool {
    anti_affinity(input).any(|term| term.is_hard && term.selects_own && term.key() == NODE)
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
            let seen = |it: Apart<'_>| (it.key().to_owned(), it.is_hard, it.selects_own);
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
}
