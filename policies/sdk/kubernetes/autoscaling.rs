//! What scales a workload: how many replicas it really has, since autoscalers overrule `spec.replicas`, what an
//! autoscaler scales, and what a VerticalPodAutoscaler sets.

use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The autoscalers that scale the subject, and its own number of replicas. A ScaledObject that names no kind scales
    /// a Deployment.
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
                reads: ["spec.minReplicas", "spec.minReplicaCount", "spec.idleReplicaCount"],
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
                reads: ["object.spec.replicas", "pod.spec.resources", "container.resources"],
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

fn minimum_of(kind: &str, autoscaler: &View<'_>) -> i64 {
    let spec = autoscaler.get("spec");
    if kind == "ScaledObject" {
        let idle = spec.get("idleReplicaCount").as_i64();
        return idle.or_else(|| spec.get("minReplicaCount").as_i64()).unwrap_or(0);
    }
    spec.get("minReplicas").as_i64().unwrap_or(1)
}

/// The subject's autoscaler; the one with the lowest minimum when there are several (KEDA
/// makes a HorizontalPodAutoscaler of its own).
pub fn autoscaler<'d, P: Uses<Autoscalers>>(input: &Input<'d, P>) -> Option<Related<'d>> {
    input.related("autoscalers").min_by_key(minimum)
}

/// The replicas that are always there: the minimum of the workload's autoscaler, else
/// `spec.replicas`, else 1.
pub fn effective_replicas<P: Uses<Autoscalers>>(input: &Input<'_, P>) -> i64 {
    match autoscaler(input) {
        Some(autoscaler) => minimum(&autoscaler),
        None => input.workload().object.at("spec.replicas").as_i64().unwrap_or(1),
    }
}

/// The fewest replicas that the subject, an autoscaler, leaves.
pub fn own_minimum<P: Uses<OwnAutoscaler>>(input: &Input<'_, P>) -> i64 {
    minimum_of(&input.subject.kind, &input.document)
}

/// The most replicas that the subject, an autoscaler, makes, with the place that says so: `maxReplicas`, which the API
/// server demands, or `maxReplicaCount` (default 100) of a ScaledObject.
pub fn own_maximum<'d, P: Uses<OwnAutoscaler>>(input: &Input<'d, P>) -> (i64, View<'d>) {
    let is_keda = input.subject.kind == "ScaledObject";
    let place = input.document.at(if is_keda { "spec.maxReplicaCount" } else { "spec.maxReplicas" });
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

/// Whether a VerticalPodAutoscaler sets the subject's requests: one that is not `Off`.
pub fn sets_requests<P: Uses<VerticalAutoscalers>>(input: &Input<'_, P>) -> bool {
    input.related("vertical_autoscalers").any(|it| it.document.at("spec.updatePolicy.updateMode").text() != "Off")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{look, look_at};
    use crate::uses::Usable;

    fn replicas(spec: &str, autoscalers: &[(&str, &str)]) -> i64 {
        let related: Vec<String> = autoscalers
            .iter()
            .map(|(kind, spec)| format!(r#"{{"subject":{{"kind":"{kind}","name":"a"}},"document":{{"spec":{spec}}}}}"#))
            .collect();
        let document = format!(r#"{{"object":{{"spec":{spec}}}}}"#);
        let related = format!("[{}]", related.join(","));
        look("shop", &document, Autoscalers::QUERIES, &[&related], effective_replicas)
    }

    #[test]
    fn autoscalers_overrule_the_workload() {
        let hpa = r#"{"minReplicas":3}"#;
        let idle = r#"{"minReplicaCount":4,"idleReplicaCount":0}"#;
        assert_eq!(replicas(r#"{"replicas":2}"#, &[]), 2);
        assert_eq!(replicas("{}", &[]), 1);
        assert_eq!(replicas(r#"{"replicas":2}"#, &[("HorizontalPodAutoscaler", hpa)]), 3);
        assert_eq!(replicas(r#"{"replicas":2}"#, &[("HorizontalPodAutoscaler", "{}")]), 1);
        assert_eq!(replicas(r#"{"replicas":2}"#, &[("HorizontalPodAutoscaler", hpa), ("ScaledObject", "{}")]), 0);
        assert_eq!(replicas(r#"{"replicas":2}"#, &[("ScaledObject", idle)]), 0);
    }

    #[test]
    fn an_autoscaler_tells_its_own_bounds() {
        let document = r#"{"spec":{"minReplicas":2,"maxReplicas":9,"maxReplicaCount":5}}"#;
        let bounds = |kind| {
            look_at(kind, document, |input| {
                let (maximum, place) = own_maximum(input);
                (own_minimum(input), maximum, place.pointer(), own_metrics(input).pointer())
            })
        };
        let hpa = (2, 9, "/spec/maxReplicas".into(), "/spec/metrics".into());
        assert_eq!(bounds("HorizontalPodAutoscaler"), hpa);
        let keda = (0, 5, "/spec/maxReplicaCount".into(), "/spec/triggers".into());
        assert_eq!(bounds("ScaledObject"), keda);
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
