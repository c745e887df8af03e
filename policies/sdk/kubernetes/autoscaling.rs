//! What scales a workload: how many replicas it really has, since autoscalers overrule `spec.replicas`, what an
//! autoscaler scales, and what a VerticalPodAutoscaler sets.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The autoscalers that scale the subject, and its own number of replicas. A ScaledObject that names no kind scales
    /// a Deployment. Where a Rollout borrows the subject's template, its replicas and its autoscalers count.
    pub Autoscalers {
        reads: ["object.spec.replicas"],
        inventory: {
            autoscalers: {
                kinds: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
                scope: "namespace",
                relation: names {
                    kind: "spec.scaleTargetRef.kind=Deployment",
                    group: "spec.scaleTargetRef.apiVersion",
                    name: "spec.scaleTargetRef.name",
                },
                reads: [
                    "spec.minReplicas", "spec.minReplicaCount", "spec.idleReplicaCount", "spec.maxReplicas",
                    "spec.maxReplicaCount", "spec.scaleTargetRef.name",
                    "metadata.annotations[\"autoscaling.keda.sh/paused\"]",
                    "metadata.annotations[\"autoscaling.keda.sh/paused-replicas\"]",
                ],
            },
            borrowers: {
                kinds: ["workload/Rollout"],
                scope: "namespace",
                relation: names {
                    kind: "object.spec.workloadRef.kind",
                    group: "object.spec.workloadRef.apiVersion",
                    name: "object.spec.workloadRef.name",
                },
                reads: ["object.spec.replicas"],
            },
            borrower_autoscalers: {
                kinds: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
                scope: "namespace",
                via: "borrowers",
                relation: names {
                    kind: "spec.scaleTargetRef.kind=Deployment",
                    group: "spec.scaleTargetRef.apiVersion",
                    name: "spec.scaleTargetRef.name",
                },
                reads: [
                    "spec.minReplicas", "spec.minReplicaCount", "spec.idleReplicaCount", "spec.maxReplicas",
                    "spec.maxReplicaCount", "spec.scaleTargetRef.name",
                    "metadata.annotations[\"autoscaling.keda.sh/paused\"]",
                    "metadata.annotations[\"autoscaling.keda.sh/paused-replicas\"]",
                ],
            },
        },
    }
    /// The workload that the subject, an autoscaler, scales, with what it requests.
    pub ScaleTarget {
        inventory: {
            scale_target: {
                kinds: ["workload"],
                scope: "namespace",
                relation: named {
                    kind: "spec.scaleTargetRef.kind=Deployment",
                    group: "spec.scaleTargetRef.apiVersion",
                    name: "spec.scaleTargetRef.name",
                },
                reads: ["object.spec.replicas", "object.spec.workloadRef", "pod.spec.resources", "container.resources"],
            },
            scaled_template: {
                kinds: ["workload"],
                scope: "namespace",
                via: "scale_target",
                relation: named {
                    kind: "object.spec.workloadRef.kind",
                    group: "object.spec.workloadRef.apiVersion",
                    name: "object.spec.workloadRef.name",
                },
                reads: ["pod.spec.resources", "container.resources"],
            },
        },
    }
    /// The subject itself, a HorizontalPodAutoscaler or a ScaledObject: what it scales by, and between which bounds.
    pub OwnAutoscaler {
        reads: [
            "spec.minReplicas", "spec.maxReplicas", "spec.metrics", "spec.targetCPUUtilizationPercentage",
            "spec.behavior", "spec.minReplicaCount", "spec.maxReplicaCount", "spec.idleReplicaCount", "spec.triggers",
        ],
    }
    /// The VerticalPodAutoscalers of the subject.
    pub VerticalAutoscalers {
        inventory: {
            vertical_autoscalers: {
                kinds: ["autoscaling.k8s.io/VerticalPodAutoscaler"],
                scope: "namespace",
                relation: names { kind: "spec.targetRef.kind", name: "spec.targetRef.name" },
                reads: ["spec.updatePolicy.updateMode"],
            },
        },
    }
}

/// The fewest replicas that an autoscaler leaves: `minReplicas` (default 1) of a
/// HorizontalPodAutoscaler, `idleReplicaCount`, else `minReplicaCount` (default 0) of a ScaledObject.
pub fn minimum(autoscaler: &Related<'_>) -> i64 {
    minimum_of(autoscaler.kind(), &autoscaler.document)
}

/// Whether an autoscaler, a ScaledObject, is told not to scale for now.
pub fn is_paused(autoscaler: &Related<'_>) -> bool {
    let annotations = autoscaler.document.at("metadata.annotations");
    let is_set = |key| annotations.get(key).as_str().is_some_and(|value| value != "false");
    ["autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas"].into_iter().any(is_set)
}

/// Where an autoscaler names what it scales.
pub fn target_place<'d>(autoscaler: &Related<'d>) -> View<'d> {
    autoscaler.document.at("spec.scaleTargetRef.name")
}

/// Where an autoscaler says how few replicas it leaves.
pub fn minimum_place<'d>(autoscaler: &Related<'d>) -> View<'d> {
    place_of_minimum(autoscaler.kind(), &autoscaler.document)
}

fn minimum_of(kind: &str, autoscaler: &View<'_>) -> i64 {
    place_of_minimum(kind, autoscaler).as_i64().unwrap_or(if kind == "ScaledObject" { 0 } else { 1 })
}

fn place_of_minimum<'d>(kind: &str, autoscaler: &View<'d>) -> View<'d> {
    let spec = autoscaler.get("spec");
    if kind != "ScaledObject" {
        return spec.get("minReplicas");
    }
    let idle = spec.get("idleReplicaCount");
    if idle.exists() { idle } else { spec.get("minReplicaCount") }
}

/// The Rollout that runs the subject's pods, where one borrows its template; the one with the most replicas when there are
/// several.
pub fn borrower<'d, P: Uses<Autoscalers>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("borrowers").max_by_key(own_replicas)
}

/// `spec.replicas` of a Rollout, else 1.
fn own_replicas(workload: &Related<'_>) -> i64 {
    workload.workload().object.at("spec.replicas").as_i64().unwrap_or(1)
}

/// What scales the subject's pods; the one with the lowest minimum when there are several (KEDA
/// makes a HorizontalPodAutoscaler of its own).
pub fn autoscaler<'d, P: Uses<Autoscalers>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    autoscalers(input).min_by_key(minimum)
}

/// All that scales the subject's pods.
fn autoscalers<'d, P: Uses<Autoscalers>>(input: &Input<'d, P>) -> impl Iterator<Item = Related<'d>> + use<'d, P> {
    let is_borrowed = borrower(input).is_some();
    input.related(if is_borrowed { "borrower_autoscalers" } else { "autoscalers" })
}

/// The replicas that are always there: the minimum of the workload's autoscaler, else
/// `spec.replicas`, else 1; of the Rollout that borrows its template where there is one.
pub fn effective_replicas<P: Uses<Autoscalers>>(input: &Input<'_, P>) -> i64 {
    autoscaler(input).map_or_else(|| written_replicas(input), |autoscaler| minimum(&autoscaler))
}

/// The replicas that are written: by the Rollout that borrows the subject's template, where there is one.
fn written_replicas<P: Uses<Autoscalers>>(input: &Input<'_, P>) -> i64 {
    let own = || input.workload().object.at("spec.replicas").as_i64().unwrap_or(1);
    borrower(input).map_or_else(own, |rollout| own_replicas(&rollout))
}

/// The most replicas that there ever are: the highest maximum of the workload's autoscalers, else `spec.replicas`,
/// else 1.
pub fn most_replicas<P: Uses<Autoscalers>>(input: &Input<'_, P>) -> i64 {
    let most = autoscalers(input).map(|it| maximum_of(it.kind(), &it.document).0).max();
    most.unwrap_or_else(|| written_replicas(input))
}

/// The fewest replicas that the subject, an autoscaler, leaves, with the place that says so.
pub fn own_minimum<'d, P: Uses<OwnAutoscaler>>(input: &Input<'d, P>) -> (i64, View<'d>) {
    let kind = &input.subject.kind;
    (minimum_of(kind, &input.document), place_of_minimum(kind, &input.document))
}

/// The most replicas that the subject, an autoscaler, makes, with the place that says so: `maxReplicas`, which the API
/// server demands, or `maxReplicaCount` (default 100) of a ScaledObject.
pub fn own_maximum<'d, P: Uses<OwnAutoscaler>>(input: &Input<'d, P>) -> (i64, View<'d>) {
    maximum_of(&input.subject.kind, &input.document)
}

fn maximum_of<'d>(kind: &str, autoscaler: &View<'d>) -> (i64, View<'d>) {
    let is_keda = kind == "ScaledObject";
    let place = autoscaler.at(if is_keda { "spec.maxReplicaCount" } else { "spec.maxReplicas" });
    (place.as_i64().unwrap_or(if is_keda { 100 } else { 0 }), place)
}

/// The metrics or triggers by which the subject, an autoscaler, scales.
pub fn own_metrics<'d, P: Uses<OwnAutoscaler>>(input: &Input<'d, P>) -> View<'d> {
    input.document.at(if input.subject.kind == "ScaledObject" { "spec.triggers" } else { "spec.metrics" })
}

/// The workload that the subject, an autoscaler, scales; `None` where it is not among the documents.
pub fn scale_target<'d, P: Uses<ScaleTarget>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("scale_target").next()
}

/// The workload that holds the template of the pods that the subject, an autoscaler, scales: the one that it scales, or the
/// one whose template that borrows. `None` where that is not among the documents.
pub fn scaled_template<'d, P: Uses<ScaleTarget>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    let target = scale_target(input)?;
    let borrows = target.workload().object.at("spec.workloadRef").exists() && !target.workload().pod.exists();
    if borrows { input.related("scaled_template").next() } else { Some(target) }
}

/// Whether a VerticalPodAutoscaler sets the subject's requests: one that is not `Off`.
pub fn sets_requests<P: Uses<VerticalAutoscalers>>(input: &Input<'_, P>) -> bool {
    input.related("vertical_autoscalers").any(|it| it.document.at("spec.updatePolicy.updateMode").text() != "Off")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{look, look_at};
    use crate::uses::Usable;

    /// The fewest and the most.
    fn replicas(spec: &str, autoscalers: &[(&str, &str)]) -> (i64, i64) {
        let related: Vec<String> = autoscalers
            .iter()
            .map(|(kind, spec)| format!(r#"{{"subject":{{"kind":"{kind}","name":"a"}},"document":{{"spec":{spec}}}}}"#))
            .collect();
        let document = format!(r#"{{"object":{{"spec":{spec}}}}}"#);
        let related = format!("[{}]", related.join(","));
        look("shop", &document, Autoscalers::QUERIES, &[&related, "[]", "[]"], |input| {
            (effective_replicas(input), most_replicas(input))
        })
    }

    #[test]
    fn a_rollout_that_borrows_the_template_says_how_many_replicas_there_are() {
        let replicas = |rollout: &str, autoscaler: &str| {
            let rollout = format!(
                r#"[{{"subject":{{"kind":"Rollout","name":"r"}},"document":{{"object":{{"spec":{rollout}}}}}}}]"#
            );
            let own = r#"[{"subject":{"kind":"HorizontalPodAutoscaler","name":"own"},"document":{"spec":{"minReplicas":9}}}]"#;
            let document = r#"{"object":{"spec":{"replicas":0}}}"#;
            look("shop", document, Autoscalers::QUERIES, &[own, &rollout, autoscaler], |input| {
                (effective_replicas(input), most_replicas(input))
            })
        };
        let hpa = r#"[{"subject":{"kind":"HorizontalPodAutoscaler","name":"h"},"document":{"spec":{"minReplicas":4,"maxReplicas":8}},"via":[0]}]"#;
        assert_eq!(replicas(r#"{"replicas":3}"#, "[]"), (3, 3));
        assert_eq!(replicas("{}", "[]"), (1, 1));
        assert_eq!(replicas(r#"{"replicas":3}"#, hpa), (4, 8));
    }

    #[test]
    fn autoscalers_overrule_the_workload() {
        let hpa = r#"{"minReplicas":3,"maxReplicas":9}"#;
        let idle = r#"{"minReplicaCount":4,"idleReplicaCount":0,"maxReplicaCount":6}"#;
        assert_eq!(replicas(r#"{"replicas":2}"#, &[]), (2, 2));
        assert_eq!(replicas("{}", &[]), (1, 1));
        assert_eq!(replicas(r#"{"replicas":2}"#, &[("HorizontalPodAutoscaler", hpa)]), (3, 9));
        assert_eq!(replicas(r#"{"replicas":2}"#, &[("HorizontalPodAutoscaler", "{}")]), (1, 0));
        assert_eq!(
            replicas(r#"{"replicas":2}"#, &[("HorizontalPodAutoscaler", hpa), ("ScaledObject", "{}")]),
            (0, 100)
        );
        assert_eq!(replicas(r#"{"replicas":2}"#, &[("ScaledObject", idle)]), (0, 6));
    }

    #[test]
    fn an_autoscaler_is_paused_by_an_annotation() {
        let paused = |annotations: &str| {
            let related = format!(
                r#"[{{"subject":{{"kind":"ScaledObject"}},"document":{{"metadata":{{"annotations":{annotations}}}}}}}]"#
            );
            look("shop", "{}", Autoscalers::QUERIES, &[&related], |input| is_paused(&autoscaler(input).unwrap()))
        };
        assert!(paused(r#"{"autoscaling.keda.sh/paused":"true"}"#));
        assert!(paused(r#"{"autoscaling.keda.sh/paused-replicas":"0"}"#));
        assert!(!paused(r#"{"autoscaling.keda.sh/paused":"false"}"#) && !paused("{}"));
    }

    #[test]
    fn an_autoscaler_tells_its_own_bounds() {
        let document = r#"{"spec":{"minReplicas":2,"maxReplicas":9,"maxReplicaCount":5}}"#;
        let bounds = |kind| {
            look_at(kind, document, |input| {
                let (maximum, place) = own_maximum(input);
                (own_minimum(input).0, maximum, place.pointer(), own_metrics(input).pointer())
            })
        };
        let hpa = (2, 9, "/spec/maxReplicas".into(), "/spec/metrics".into());
        assert_eq!(bounds("HorizontalPodAutoscaler"), hpa);
        let keda = (0, 5, "/spec/maxReplicaCount".into(), "/spec/triggers".into());
        assert_eq!(bounds("ScaledObject"), keda);
        let minimum = |document| look_at("ScaledObject", document, |input| own_minimum(input).1.pointer());
        assert_eq!(minimum(r#"{"spec":{"minReplicaCount":2,"idleReplicaCount":0}}"#), "/spec/idleReplicaCount");
        assert_eq!(minimum(r#"{"spec":{}}"#), "/spec/minReplicaCount");
    }

    #[test]
    fn an_autoscaler_that_is_off_sets_no_requests() {
        let sets = |policy: &str| {
            let related = format!(r#"[{{"subject":{{}},"document":{{"spec":{{"updatePolicy":{policy}}}}}}}]"#);
            look("shop", "{}", VerticalAutoscalers::QUERIES, &[&related], sets_requests)
        };
        assert!(sets("{}") && sets(r#"{"updateMode":"Auto"}"#));
        assert!(!sets(r#"{"updateMode":"Off"}"#));
    }
}
