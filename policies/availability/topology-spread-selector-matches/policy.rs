use policy_sdk::kubernetes::spread::{self, Spread};
use policy_sdk::prelude::*;
use policy_sdk::values::selector::Answer;

policy_sdk::rule! {
    /// Topology spread constraints select their own pods
    ///
    /// The `labelSelector` of every topology spread constraint matches the labels of the pods that have it, with
    /// `matchExpressions` evaluated and labels that controllers add taken to match. An empty selector (`{}`) matches
    /// all pods of the namespace and passes. Further, the constraint has what the API server demands: a `topologyKey`,
    /// a `whenUnsatisfiable`, a `maxSkew` of 1 or more, `minDomains` of 1 or more and only with `DoNotSchedule`, and a
    /// `labelSelector` where there are `matchLabelKeys`.
    ///
    /// Labels that a kustomization gives count.
    ///
    /// ## Why
    /// Without a selector no pod is counted, so the constraint is always met and spreads nothing. With a selector for
    /// other pods, the scheduler spreads this workload by where those pods run. The API server accepts both without a
    /// warning.
    ///
    /// ## Fix
    /// Write the workload's own selector into the constraint:
    ///
    /// ```yaml
    /// labelSelector:
    ///   matchLabels: {app: cart}
    /// ```
    findings: {
        /// The constraint has no selector, so it counts no pod
        NoSelector: High, Certain;
        /// Its selector does not match the pods that have it
        SelectsOthers: High, Certain;
        /// The API server refuses it
        Refused: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Concurrency,
    peers: ["KS:pod-topology-spread-constraints"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Spread],
    reads_built: true,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let labels = input.workload().pod_labels();
    for constraint in spread::constraints(input) {
        let selector = constraint.view.get("labelSelector");
        refused(&constraint.view, findings);
        if selector.exists() && constraint.selects_own == Answer::No {
            let message = format!("the constraint on `{}` does not select the pods that have it", constraint.key());
            let report = findings.report(Code::SelectsOthers, &selector, message);
            if labels.exists() {
                report.label(&labels, "their labels");
            }
        } else if !selector.exists() && constraint.view.get("matchLabelKeys").is_empty() {
            let message =
                format!("the constraint on `{}` has no `labelSelector`, so it counts no pod", constraint.key());
            findings.report(Code::NoSelector, &selector, message);
        }
    }
    Ok(())
}

/// What the API server refuses of a constraint.
fn refused(constraint: &View<'_>, findings: &mut Findings) {
    let [key, when, skew, domains, match_keys] =
        ["topologyKey", "whenUnsatisfiable", "maxSkew", "minDomains", "matchLabelKeys"]
            .map(|field| constraint.get(field));
    let is_hard = when.text() == "DoNotSchedule";
    let mut refuse = |place: &View<'_>, what: &str| {
        findings.report(Code::Refused, place, format!("{what}: the API server refuses it"));
    };
    if key.text().is_empty() {
        refuse(&key, "the constraint has no `topologyKey`");
    }
    if !is_hard && when.text() != "ScheduleAnyway" {
        refuse(&when, "`whenUnsatisfiable` is neither `DoNotSchedule` nor `ScheduleAnyway`");
    }
    if skew.as_i64().is_none_or(|skew| skew < 1) {
        refuse(&skew, "`maxSkew` is not 1 or more");
    }
    if domains.as_i64().is_some_and(|domains| domains < 1) {
        refuse(&domains, "`minDomains` is below 1");
    } else if domains.exists() && when.text() == "ScheduleAnyway" {
        refuse(&domains, "`minDomains` is only for `whenUnsatisfiable: DoNotSchedule`");
    }
    if !match_keys.is_empty() && !constraint.get("labelSelector").exists() {
        refuse(&match_keys, "`matchLabelKeys` needs a `labelSelector`");
    }
}
