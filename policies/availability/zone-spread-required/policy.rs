//! See the `rule!` block.

use policy_sdk::prelude::*;
use policy_sdk::{autoscaling, production};

policy_sdk::rule! {
    /// Replicas are spread over zones
    ///
    /// A Deployment, StatefulSet or Rollout with at least two replicas has a topology spread constraint
    /// on the zone with a `maxSkew` of at most `max_skew` and a `whenUnsatisfiable` that is allowed; in
    /// production the one that `prod_required` names.
    ///
    /// The fix adds a constraint with `ScheduleAnyway`, which never keeps a pod from running; in
    /// production it is unsafe, since `DoNotSchedule` may.
    ///
    /// ## Why
    /// The scheduler may put all replicas into one zone, and then the loss of that zone is the loss of
    /// the service.
    ///
    /// ## Fix
    /// Add a `topologySpreadConstraints` entry with `topologyKey: topology.kubernetes.io/zone`.
    severity: High,
    priority: P1,
    effort: Small,
    factor: "VIII Concurrency",
    aliases: ["PO:topologySpreadConstraint", "KY:topologyspreadconstraints-policy"],
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/StatefulSet", "workload/Rollout"],
    reads: [
        "file",
        "object.spec.replicas",
        "object.spec.selector",
        "object.metadata.labels",
        "pod.metadata.labels",
        "pod.spec.topologySpreadConstraints",
    ],
    inventory: {
        autoscalers: {
            kinds: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
            scope: "namespace",
            reads: ["spec.scaleTargetRef", "spec.minReplicas", "spec.minReplicaCount", "spec.idleReplicaCount"],
        },
    },
    parameters: {
        /// The largest difference of replicas between two zones.
        max_skew: i64 = 1,
        /// The values of `whenUnsatisfiable` that count outside production.
        allowed: Vec<String> = policy_sdk::parameter::list(["DoNotSchedule", "ScheduleAnyway"]),
        /// The value of `whenUnsatisfiable` that counts in production.
        prod_required: String = "DoNotSchedule".into(),
    },
}

const ZONE: &str = "topology.kubernetes.io/zone";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let replicas = autoscaling::effective_replicas(input, "autoscalers");
    if replicas < 2 {
        return not_applicable(format!("it may be down to {replicas} replicas, which cannot be spread"));
    }
    let Parameters { max_skew, allowed, prod_required } = &input.parameters;
    let allowed =
        if production::is_production(input) { std::slice::from_ref(prod_required) } else { allowed.as_slice() };
    let constraints = input.workload().spec().get("topologySpreadConstraints");
    let mut of_zone = constraints.items().filter(|constraint| constraint.get("topologyKey").text() == ZONE).peekable();
    if of_zone.peek().is_none() {
        let message = format!("its {replicas} replicas are not spread over zones");
        findings.report(&constraints, message).code("missing").fix(fix(input, &constraints, allowed));
        return Ok(());
    }
    // One constraint that holds is enough; of several that do not, the first is told.
    let flaws: Vec<_> = of_zone.map(|constraint| flaw(&constraint, *max_skew, allowed)).collect();
    if flaws.iter().all(Option::is_some)
        && let Some(Some((place, message))) = flaws.into_iter().next()
    {
        findings.report(&place, message).code("loose");
    }
    Ok(())
}

/// What is wrong with a constraint, and where.
fn flaw<'d>(constraint: &View<'d>, max_skew: i64, allowed: &[String]) -> Option<(View<'d>, String)> {
    let skew = constraint.get("maxSkew");
    if skew.as_i64().is_none_or(|skew| skew > max_skew) {
        let observed = skew.scalar_text().unwrap_or("not set");
        let message = format!("`maxSkew` is {observed}, expected at most {max_skew}");
        return Some((skew, message));
    }
    let unsatisfiable = constraint.get("whenUnsatisfiable");
    if !allowed.iter().any(|value| value == unsatisfiable.text()) {
        let expected = allowed.join("` or `");
        let message = format!("`whenUnsatisfiable` is `{}`, expected `{expected}`", unsatisfiable.text());
        return Some((unsatisfiable, message));
    }
    None
}

fn fix(input: &Input<'_, Parameters>, constraints: &View<'_>, allowed: &[String]) -> Option<Fix> {
    let selector = input.workload().object.at("spec.selector");
    if selector.is_empty() {
        return None;
    }
    let harmless = allowed.iter().any(|value| value == "ScheduleAnyway");
    let unsatisfiable = if harmless { "ScheduleAnyway" } else { allowed.first()?.as_str() };
    let title = "spread the replicas over zones";
    let fix = if harmless { Fix::safe(title) } else { Fix::unsafe_(title) };
    let constraint = object! {
        "maxSkew": input.parameters.max_skew,
        "topologyKey": ZONE,
        "whenUnsatisfiable": unsatisfiable,
        "labelSelector": selector,
    };
    Some(fix.set(&constraints.end(), constraint))
}
