use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A Rollout and its Deployment do not both run
    ///
    /// A Rollout that takes the pod template of a Deployment (`workloadRef`) runs pods of its own. The Deployment
    /// keeps its own pods, unless the Rollout says `scaleDown: onsuccess` or `progressively`, or the Deployment has
    /// `replicas: 0`. Likewise a Deployment with the same selector as a Rollout of its namespace.
    ///
    /// Not evaluated where the Deployment is not among the documents. That an autoscaler scales the Deployment instead
    /// of the Rollout is what `hpa-target-exists` reports.
    ///
    /// ## Why
    /// Services select the pods of both. Requests reach the pods of the Deployment too, so the weights of a canary are
    /// wrong and a version that the Rollout took back may still serve. Twice the resources are paid for.
    ///
    /// ## Fix
    /// Have the Rollout scale the Deployment down:
    ///
    /// ```yaml
    /// workloadRef:
    ///   apiVersion: apps/v1
    ///   kind: Deployment
    ///   name: cart
    ///   scaleDown: onsuccess
    /// ```
    ///
    /// or set `replicas: 0` in the Deployment once the Rollout runs. Delete a Deployment that was replaced.
    findings: {
        /// The Deployment whose template it takes runs as well
        BothRun: Medium, Likely;
        /// A Deployment with the same selector runs as well
        SameSelector: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["argoproj.io/Rollout"],
    reads: ["object.metadata.name", "object.spec.workloadRef", "object.spec.selector", "pod.metadata.labels"],
    inventory: {
        lender: {
            kinds: ["workload"],
            scope: "namespace",
            relation: named {
                kind: "object.spec.workloadRef.kind",
                group: "object.spec.workloadRef.apiVersion",
                name: "object.spec.workloadRef.name",
            },
            reads: ["object.spec.replicas", "object.metadata.name"],
        },
        deployments: {
            kinds: ["workload/Deployment"],
            scope: "namespace",
            relation: selects { there: "object.spec.selector", here: "pod.metadata.labels" },
            reads: ["object.spec.replicas", "object.spec.selector", "object.metadata.name"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let rollout = input.workload().object;
    let reference = rollout.at("spec.workloadRef");
    if !reference.exists() {
        let selector = rollout.at("spec.selector");
        let running = input.related("deployments").filter(runs);
        for deployment in running.filter(|it| is_same(&it.document.at("object.spec.selector"), &selector)) {
            let name = deployment.name();
            let message = format!("Deployment `{name}` has the same selector and runs as well");
            findings.report(Code::SameSelector, &selector, message).label_in(
                &deployment,
                &deployment.document.at("object.metadata.name"),
                "it runs pods with the same labels",
            );
        }
        return Ok(());
    }
    let (kind, name) = (reference.get("kind").text(), reference.get("name"));
    if kind == "PodTemplate" {
        return not_applicable("a PodTemplate runs no pods");
    }
    let scale_down = reference.get("scaleDown");
    if !matches!(scale_down.text(), "" | "never") {
        return Ok(());
    }
    let Some(lender) = input.related("lender").next() else {
        return not_evaluated(format!("{kind} `{}` is not among the documents", name.text()));
    };
    if runs(&lender) {
        let replicas = lender.document.at("object.spec.replicas");
        let count = replicas.as_i64().unwrap_or(1);
        let message = format!("{kind} `{}` lends its template and runs {count} of its own pods as well", name.text());
        let title = format!("scale {kind} `{}` down once the Rollout runs", name.text());
        findings
            .report(Code::BothRun, &name, message)
            .label_in(&lender, &replicas, "its replicas")
            .fix(Fix::unsafe_(title).set(&scale_down, "onsuccess"));
    }
    Ok(())
}

fn runs(deployment: &Related<'_>) -> bool {
    deployment.document.at("object.spec.replicas").as_i64() != Some(0)
}

/// Whether two selectors demand the same labels, and nothing else.
fn is_same(one: &View<'_>, other: &View<'_>) -> bool {
    let (labels, others) = (one.get("matchLabels"), other.get("matchLabels"));
    let has_same = |(key, value): (&str, View<'_>)| others.get(key).text() == value.text();
    let is_plain = |selector: &View<'_>| selector.get("matchExpressions").is_empty();
    is_plain(one) && is_plain(other) && labels.len() == others.len() && labels.entries().all(has_same)
}
