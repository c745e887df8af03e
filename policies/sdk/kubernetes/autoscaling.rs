//! How many replicas a workload really has: autoscalers overrule `spec.replicas`.

use crate::input::{Input, Related};
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
}

/// The fewest replicas that an autoscaler leaves: `minReplicas` (default 1) of a
/// HorizontalPodAutoscaler, `idleReplicaCount`, else `minReplicaCount` (default 0) of a ScaledObject.
pub fn minimum(autoscaler: &Related<'_>) -> i64 {
    let spec = autoscaler.document.get("spec");
    if autoscaler.kind() == "ScaledObject" {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
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
}
