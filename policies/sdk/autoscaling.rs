//! How many replicas a workload really has: autoscalers overrule `spec.replicas`.
//!
//! A rule asks for the autoscalers in its inventory:
//!
//! ```ignore
//! autoscalers: {
//!     kinds: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
//!     scope: "namespace",
//!     reads: ["spec.scaleTargetRef", "spec.minReplicas", "spec.minReplicaCount", "spec.idleReplicaCount"],
//! },
//! ```

use crate::input::{Input, Related};
use crate::json::View;

/// True when an autoscaler's `scaleTargetRef` names that object. The API version without its group
/// does not matter; a ScaledObject that names no kind scales a Deployment.
pub fn targets(autoscaler: &View<'_>, group: &str, kind: &str, name: &str) -> bool {
    let target = autoscaler.at("spec.scaleTargetRef");
    let target_kind = target.get("kind").as_str().unwrap_or("Deployment");
    let target_group = match target.get("apiVersion").as_str() {
        Some(version) => version.split_once('/').map_or("", |(group, _)| group),
        None => group,
    };
    target.get("name").as_str() == Some(name) && target_kind == kind && target_group == group
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

/// The autoscaler among the answers to `query` that scales the input's workload; the one with the
/// lowest minimum when there are several (KEDA makes a HorizontalPodAutoscaler of its own).
pub fn autoscaler<'d, P>(input: &Input<'d, P>, query: &str) -> Option<Related<'d>> {
    let subject = input.subject;
    input
        .related(query)
        .filter(|related| targets(&related.document, &subject.group, &subject.kind, &subject.name))
        .min_by_key(minimum)
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
        let hpa = r#"{"minReplicas":3,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"cart"}}"#;
        let other = r#"{"minReplicas":9,"scaleTargetRef":{"apiVersion":"argoproj.io/v1alpha1","kind":"Deployment","name":"cart"}}"#;
        let keda = r#"{"scaleTargetRef":{"name":"cart"}}"#;
        let idle = r#"{"minReplicaCount":4,"idleReplicaCount":0,"scaleTargetRef":{"name":"cart"}}"#;
        assert_eq!(replicas(r#"{"replicas":2}"#, &[]), 2);
        assert_eq!(replicas("{}", &[]), 1);
        assert_eq!(replicas(r#"{"replicas":2}"#, &[("HorizontalPodAutoscaler", hpa)]), 3);
        assert_eq!(replicas(r#"{"replicas":2}"#, &[("HorizontalPodAutoscaler", other)]), 2);
        assert_eq!(replicas(r#"{"replicas":2}"#, &[("HorizontalPodAutoscaler", hpa), ("ScaledObject", keda)]), 0);
        assert_eq!(replicas(r#"{"replicas":2}"#, &[("ScaledObject", idle)]), 0);
    }
}
