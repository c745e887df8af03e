//! How many replicas a workload really has: autoscalers overrule `spec.replicas`.
//!
//! A rule asks for the autoscalers that scale its subject. A ScaledObject that names no kind scales a Deployment:
//!
//! ```ignore
//! autoscalers: {
//!     kinds: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
//!     scope: "namespace",
//!     relation: names {
//!         kind: "spec.scaleTargetRef.kind=Deployment",
//!         group: "spec.scaleTargetRef.apiVersion",
//!         name: "spec.scaleTargetRef.name",
//!     },
//!     reads: ["spec.minReplicas", "spec.minReplicaCount", "spec.idleReplicaCount"],
//! },
//! ```

use crate::input::{Input, Related};

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

/// The autoscaler that answers `query`; the one with the lowest minimum when there are several (KEDA
/// makes a HorizontalPodAutoscaler of its own).
pub fn autoscaler<'d, P>(input: &Input<'d, P>, query: &str) -> Option<Related<'d>> {
    input.related(query).min_by_key(minimum)
}

/// The replicas that are always there: the minimum of the workload's autoscaler, else
/// `spec.replicas`, else 1. The rule reads `object.spec.replicas`.
pub fn effective_replicas<P>(input: &Input<'_, P>, query: &str) -> i64 {
    match autoscaler(input, query) {
        Some(autoscaler) => minimum(&autoscaler),
        None => input.workload().object.at("spec.replicas").as_i64().unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    fn replicas(spec: &str, autoscalers: &[(&str, &str)]) -> i64 {
        let related: Vec<String> = autoscalers
            .iter()
            .map(|(kind, spec)| format!(r#"{{"subject":{{"kind":"{kind}","name":"a"}},"document":{{"spec":{spec}}}}}"#))
            .collect();
        let document = format!(r#"{{"object":{{"spec":{spec}}}}}"#);
        let related = format!("[{}]", related.join(","));
        look("shop", &document, &["autoscalers"], &[&related], |input| effective_replicas(input, "autoscalers"))
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
