use policy_sdk::kubernetes::priority::{self, OwnPriorityClass, PriorityClasses};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A PriorityClass that pods name exists
    ///
    /// `priorityClassName` is `system-node-critical` or `system-cluster-critical`, which every cluster has, or the name
    /// of a PriorityClass. Files are checked where they have some PriorityClass: elsewhere the classes are kept in
    /// another repository, and the rule is not evaluated. A cluster always has some.
    ///
    /// ## Why
    /// The API server refuses pods of a class that does not exist. The Deployment is accepted and never gets a pod.
    ///
    /// ## Fix
    /// Write the name of an existing class (`kubectl get priorityclasses`), or add the class.
    findings: {
        /// No PriorityClass has that name
        Missing: High, Certain, absence: ["own_priority_class"];
    },
    priority: P2,
    effort: Small,
    factor: Disposability,
    peers: ["KL:priority-class-name"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [OwnPriorityClass, PriorityClasses],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let place = priority::class_name(input);
    let name = place.text();
    if name.is_empty() {
        return not_applicable("it names no PriorityClass");
    }
    if priority::is_built_in(name) || priority::own_class(input).is_some() {
        return Ok(());
    }
    let Some(other) = priority::classes(input).next() else {
        return not_evaluated("no PriorityClass is among the documents");
    };
    let message = format!("there is no PriorityClass `{name}`, so no pod is ever made; there is `{}`", other.name());
    findings.report(Code::Missing, &place, message);
    Ok(())
}
