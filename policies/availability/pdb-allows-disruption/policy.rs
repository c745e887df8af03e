use policy_sdk::kubernetes::disruption_budget::{self, BOUNDS, Bound, OwnBudget};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// PodDisruptionBudgets let some pod be evicted
    ///
    /// `maxUnavailable` is not 0 or `0%`, and `minAvailable` is not `100%`: either forbids every eviction, however many
    /// pods there are. A number in quotes, a percentage above 100 and a number below 0 are refused by the API server.
    /// `pdb-fits-replicas` reports a `minAvailable` that is as high as the number of replicas. Budgets that an operator
    /// writes are not checked.
    ///
    /// Some people forbid all evictions on purpose, for a database that is moved by hand. Lift the rule for such a
    /// budget by an exception that says so.
    ///
    /// ## Why
    /// A drain of a node waits until the budget allows each eviction. With such a budget it never ends: node upgrades
    /// and autoscaling of nodes stop, until somebody deletes the budget or the pods by force.
    ///
    /// ## Fix
    /// Let one pod go at a time: `maxUnavailable: 1` in place of the bound.
    findings: {
        /// No pod may ever be evicted
        NoEviction: High, Certain;
        /// The API server refuses the bound
        Refused: High, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    peers: [
        "KL:pdb-max-unavailable", "KL:pdb-min-available", "PO:pdbDisruptionsIsZero", "KY:pdb-maxunavailable",
        "GK:poddisruptionbudget",
    ],
    since: "0.1.0",
    applies_to: ["policy/PodDisruptionBudget"],
    uses: [OwnBudget],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if disruption_budget::is_written_by_controller(input) {
        return not_applicable("a controller writes it");
    }
    let spec = input.document.get("spec");
    for field in BOUNDS {
        let place = spec.get(field);
        let Some(written) = place.scalar_text() else { continue };
        let bound = Bound::in_field(&input.document, field);
        if bound.as_ref().is_none_or(Bound::is_refused) {
            let expected = "expected a number from 0 on or a percentage up to 100%: the API server refuses it";
            findings.report(Code::Refused, &place, format!("`{field}` is `{written}`, {expected}"));
        } else if bound.is_some_and(|bound| bound.forbids_all()) {
            let message = format!("`{field}` is `{written}`, so no pod may ever be evicted and no node drained");
            let fix = Fix::unsafe_("let one pod go at a time");
            let one = spec.get("maxUnavailable");
            let fix = if field == "minAvailable" { fix.set(&one, 1).remove(&place) } else { fix.set(&place, 1) };
            findings.report(Code::NoEviction, &place, message).fix(fix);
        }
    }
    Ok(())
}
