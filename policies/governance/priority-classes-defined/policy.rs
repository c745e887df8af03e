use policy_sdk::kubernetes::namespace::{self, ClusterNamespace};
use policy_sdk::kubernetes::priority::{self, PriorityClasses};
use policy_sdk::prelude::*;
use policy_sdk::settings::ExpectedPriorityClasses;

policy_sdk::rule! {
    /// The platform defines PriorityClasses
    ///
    /// Where the setting `priorityClasses` expects them, the cluster has PriorityClasses beside the two of the system: at
    /// least two, one of which is the default (`globalDefault: true`). The finding stands at one Namespace for the whole
    /// cluster: `kube-system` of a live one, else the first by its name.
    ///
    /// ## Why
    /// Where all pods have the same priority, a batch job keeps the space that a service needs. When nodes are full,
    /// nothing says which pods have to go.
    ///
    /// ## Fix
    /// ```yaml
    /// apiVersion: scheduling.k8s.io/v1
    /// kind: PriorityClass
    /// metadata: {name: service}
    /// value: 1000
    /// globalDefault: true
    /// ---
    /// apiVersion: scheduling.k8s.io/v1
    /// kind: PriorityClass
    /// metadata: {name: batch}
    /// value: 100
    /// ```
    findings: {
        /// There is no PriorityClass
        Missing: Low, Likely, absence: ["priority_classes"];
        /// There is only one
        OneTier: Low, Likely, absence: ["priority_classes"];
        /// None of them is the default
        NoDefault: Low, Likely, absence: ["priority_classes"];
    },
    priority: P2,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["core/Namespace"],
    uses: [ClusterNamespace, PriorityClasses, ExpectedPriorityClasses],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if !input.setting::<ExpectedPriorityClasses>() {
        return not_applicable("`priorityClasses` does not expect any");
    }
    if namespace::cluster(input).is_none() {
        return not_applicable("another Namespace stands for the cluster");
    }
    let place = input.document.at("metadata.name");
    let mut own = priority::classes(input).filter(|class| !priority::is_built_in(class.name()));
    let Some(first) = own.next() else {
        findings.report(Code::Missing, &place, "no PriorityClass is defined");
        return Ok(());
    };
    if own.next().is_none() {
        let message = format!("`{}` is the only PriorityClass, expected one for each tier", first.name());
        findings.report(Code::OneTier, &place, message);
    }
    if !priority::has_default(input) {
        findings.report(Code::NoDefault, &place, "no PriorityClass is the default for pods that name none");
    }
    Ok(())
}
