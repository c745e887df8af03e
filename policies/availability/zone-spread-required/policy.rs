use policy_sdk::prelude::*;
use policy_sdk::write::Raw;
use policy_sdk::{autoscaling, parameter, production};

policy_sdk::rule! {
    /// Replicas are spread over zones
    ///
    /// A Deployment, StatefulSet or Rollout that always has two replicas or more (the minimum of its
    /// autoscaler, else `spec.replicas`) has a topology spread constraint on
    /// `topology.kubernetes.io/zone` with a `maxSkew` of at most `max_skew` and an allowed
    /// `whenUnsatisfiable`, which in production is the one that `prod_required` names. Production is a
    /// namespace with the part `prod`, `production` or `live`, a label `environment: prod`, or a folder `prod`.
    ///
    /// The fix appends the constraint, and a soft one over nodes where there is none, because any
    /// constraint switches off those that the scheduler has by default. A soft constraint only
    /// advises the scheduler. A hard one can leave pods pending, so it needs a person.
    ///
    /// ## Why
    /// The scheduler may put all replicas into one zone, and with the zone they are all gone.
    ///
    /// ## Fix
    /// Add the constraint with the workload's own selector.
    severity: High,
    priority: P1,
    effort: Small,
    factor: "VIII Concurrency",
    aliases: ["PO:topologySpreadConstraint", "KY:topologyspreadconstraints-policy"],
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/StatefulSet", "workload/Rollout"],
    reads: [
        "file",
        "object.metadata.labels",
        "object.spec.replicas",
        "object.spec.selector",
        "pod.metadata.labels",
        "pod.spec.topologySpreadConstraints[*].topologyKey",
        "pod.spec.topologySpreadConstraints[*].maxSkew",
        "pod.spec.topologySpreadConstraints[*].whenUnsatisfiable",
    ],
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
    parameters: {
        /// The highest `maxSkew`.
        max_skew: i64 = 1,
        /// The values of `whenUnsatisfiable` that count.
        allowed: Vec<String> = parameter::list(["DoNotSchedule", "ScheduleAnyway"]),
        /// The value that is needed in production; empty for any that counts.
        prod_required: String = "DoNotSchedule".into(),
    },
}

const ZONE: &str = "topology.kubernetes.io/zone";
const NODE: &str = "kubernetes.io/hostname";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let replicas = autoscaling::effective_replicas(input, "autoscalers");
    if replicas < 2 {
        return not_applicable(format!("it may have {replicas} replicas"));
    }
    let Parameters { max_skew, allowed, prod_required } = &input.parameters;
    let required = (production::is_production(input) && !prod_required.is_empty()).then_some(prod_required);
    let expected: &[String] = required.map_or(allowed, std::slice::from_ref);
    let all = input.workload().spec().get("topologySpreadConstraints");
    let over_zones: Vec<View<'_>> =
        all.items().filter(|constraint| constraint.get("topologyKey").text() == ZONE).collect();
    let has_skew = |constraint: &View<'_>| constraint.get("maxSkew").as_i64().is_some_and(|skew| skew <= *max_skew);
    let is_expected = |constraint: &View<'_>| {
        let when = constraint.get("whenUnsatisfiable").text();
        expected.iter().any(|expected| expected == when)
    };
    let Some(first) = over_zones.first() else {
        let message = format!("it has {replicas} replicas and no topology spread constraint on `{ZONE}`");
        findings.report(&all, message).code("missing").fix(fix(input, expected));
        return Ok(());
    };
    if over_zones.iter().any(|constraint| has_skew(constraint) && is_expected(constraint)) {
        return Ok(());
    }
    let (skew, when) = (first.get("maxSkew"), first.get("whenUnsatisfiable"));
    if !has_skew(first) {
        let set = skew.as_i64().map_or("none".into(), |skew| skew.to_string());
        findings.report(&skew, format!("`maxSkew` over zones is {set}, expected at most {max_skew}")).code("skew");
    }
    if !is_expected(first) {
        let message =
            format!("`whenUnsatisfiable` over zones is `{}`, expected `{}`", when.text(), expected.join("` or `"));
        findings.report(&when, message).code("when");
    }
    Ok(())
}

fn fix(input: &Input<'_, Parameters>, expected: &[String]) -> Option<Fix> {
    let workload = input.workload();
    let selector = workload.object.at("spec.selector");
    if selector.is_empty() {
        return None;
    }
    let soft = "ScheduleAnyway";
    let is_soft = expected.iter().any(|expected| expected == soft);
    let when = if is_soft { soft } else { expected.first()? };
    let constraint = |key: &str, skew: i64, when: &str| {
        let mut parts = object! {
            "maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": when, "labelSelector": selector,
        };
        if workload.kind() == "Deployment" {
            parts.0.insert_str(parts.0.len() - 1, r#","matchLabelKeys":["pod-template-hash"]"#);
        }
        parts
    };
    let all = workload.spec().get("topologySpreadConstraints");
    let mut constraints: Vec<Raw> = vec![constraint(ZONE, input.parameters.max_skew.max(1), when)];
    if !all.items().any(|constraint| constraint.get("topologyKey").text() == NODE) {
        constraints.push(constraint(NODE, 1, soft));
    }
    let title = "spread the replicas over zones";
    let fix = if is_soft { Fix::safe(title) } else { Fix::unsafe_(title) };
    Some(match all.kind() {
        Some(policy_sdk::json::Kind::Array) => {
            constraints.iter().fold(fix, |fix, constraint| fix.set(&all.end(), constraint))
        }
        _ => fix.set(&all, constraints),
    })
}
