use policy_sdk::kubernetes::autoscaling::{self, Autoscalers};
use policy_sdk::kubernetes::production::{self, Production};
use policy_sdk::kubernetes::spread::{self, NewConstraints, Spread, ZONE};
use policy_sdk::parameter::{self, Bounded};
use policy_sdk::prelude::*;
use policy_sdk::values::selector::Answer;

policy_sdk::rule! {
    /// Replicas are spread over zones
    ///
    /// A Deployment, StatefulSet or Rollout that always has two replicas or more (the minimum of its
    /// autoscaler, else `spec.replicas`) has a topology spread constraint, or an anti-affinity to its own pods, on one of
    /// `zone_keys`. Where parameters ask for it, a constraint has at most `max_skew`, and in production the
    /// `whenUnsatisfiable` that `prod_required` names. Workloads that a node selector or a required affinity
    /// holds in a zone are not checked. Production is a
    /// namespace with the part `prod`, `production` or `live`, a label `environment: prod`, or a folder `prod`.
    ///
    /// The fix appends a soft constraint, which only advises the scheduler, and another over nodes where there is
    /// none, because any constraint switches off those that the scheduler has by default. It needs a person.
    ///
    /// ## Why
    /// Unless told, the scheduler spreads over zones only as far as it is convenient (a skew of 5): all replicas
    /// can be in one zone, and with the zone they are gone.
    ///
    /// ## Fix
    /// Add the constraint with the workload's own selector.
    findings: {
        /// Replicas in production are not spread over zones
        MissingInProduction: Medium, Likely, covers: ["node-spread-required"], within: Document;
        /// Replicas are not spread over zones
        Missing: Low, Likely, covers: ["node-spread-required"], within: Document;
        /// What happens when they cannot be spread is another than asked for
        When: Low, Likely;
        /// The skew over zones is larger than asked for
        Skew: Info, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Concurrency,
    peers: ["PO:topologySpreadConstraint", "KY:topologyspreadconstraints-policy"],
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/Rollout", "workload/CloneSet",
        "workload/DeploymentConfig",
    ],
    uses: [Autoscalers, Production, Spread, NewConstraints],
    reads: [
        "pod.spec.nodeSelector",
        "pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
    ],
    parameters: {
        /// The highest `maxSkew`; any where it is not set.
        max_skew: Option<Bounded<1, 100>> = None,
        /// The `whenUnsatisfiable` that is needed in production; empty for any. A hard constraint leaves pods
        /// pending exactly when a zone is gone.
        prod_required: When = When::Any,
        /// Labels of nodes that name their zone.
        zone_keys: Vec<String> = parameter::list([ZONE, "failure-domain.beta.kubernetes.io/zone"]),
    },
}

policy_sdk::choice! {
    /// What happens to a pod for which there is no place.
    pub When { Any = "", DoNotSchedule = "DoNotSchedule", ScheduleAnyway = "ScheduleAnyway" }
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let replicas = autoscaling::effective_replicas(input);
    if replicas < 2 {
        return not_applicable(format!("it may have {replicas} replicas"));
    }
    let Parameters { max_skew, prod_required, zone_keys } = &input.parameters;
    let max_skew = max_skew.map(Bounded::get);
    let is_zone = |key: &str| zone_keys.iter().any(|zone| zone == key);
    let spec = input.workload().spec();
    if is_held_in_zone(&spec, &is_zone) {
        return not_applicable("it is held in one zone");
    }
    let is_production = production::is_production(input);
    let over_zones: Vec<View<'_>> =
        spread::constraints(input).filter(|constraint| is_zone(constraint.key())).map(|it| it.view).collect();
    let Some(first) = over_zones.first() else {
        if spread::anti_affinity(input).any(|term| is_zone(term.key()) && term.selects_own != Answer::No) {
            return Ok(());
        }
        let code = if is_production { Code::MissingInProduction } else { Code::Missing };
        let message = format!("it has {replicas} replicas and no topology spread constraint on `{ZONE}`");
        let fix = spread::fix(input);
        findings.report(code, &spread::list(&spec), message).fix(fix);
        return Ok(());
    };
    let has_skew = |constraint: &View<'_>| {
        max_skew.is_none_or(|most| constraint.get("maxSkew").as_i64().is_some_and(|skew| skew <= most))
    };
    let is_expected = |constraint: &View<'_>| {
        !is_production
            || *prod_required == When::Any
            || constraint.get("whenUnsatisfiable").text() == prod_required.as_ref()
    };
    if over_zones.iter().any(|constraint| has_skew(constraint) && is_expected(constraint)) {
        return Ok(());
    }
    let (skew, when) = (first.get("maxSkew"), first.get("whenUnsatisfiable"));
    if let Some(most) = max_skew.filter(|_| !has_skew(first)) {
        let set = skew.as_i64().map_or("none".into(), |skew| skew.to_string());
        findings.report(Code::Skew, &skew, format!("`maxSkew` over zones is {set}, expected at most {most}"));
    }
    if !is_expected(first) {
        let message =
            format!("`whenUnsatisfiable` over zones is `{}`, expected `{}`", when.text(), prod_required.as_ref());
        findings.report(Code::When, &when, message);
    }
    Ok(())
}

/// Whether a node selector, or every term of a required affinity, names a zone.
fn is_held_in_zone(spec: &View<'_>, is_zone: &dyn Fn(&str) -> bool) -> bool {
    let terms = spec.at("affinity.nodeAffinity").get(REQUIRED).get("nodeSelectorTerms");
    let names_one = |expression: View<'_>| {
        is_zone(expression.get("key").text())
            && expression.get("operator").text() == "In"
            && expression.get("values").len() == 1
    };
    spec.get("nodeSelector").entries().any(|(key, _)| is_zone(key))
        || !terms.is_empty() && terms.items().all(|term| term.get("matchExpressions").items().any(names_one))
}
