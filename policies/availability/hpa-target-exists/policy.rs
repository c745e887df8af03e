use policy_sdk::kubernetes::autoscaling::{self, ScaleTarget};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// An autoscaler scales a workload that exists
    ///
    /// `scaleTargetRef` of a HorizontalPodAutoscaler or ScaledObject names a workload of its namespace, by group, kind
    /// and name. The version does not matter, but the group does: `apiVersion: apps/v1` for a Deployment. Kubernetes'
    /// own kinds that have no number of replicas (DaemonSet, Job, …) cannot be scaled. An object of another kind may be
    /// defined elsewhere, so it is not reported as missing. Nor is any where the documents hold no workload of the
    /// namespace at all.
    ///
    /// Where an Argo Rollout takes the pod template of a Deployment (`workloadRef`) the Rollout is what must be scaled.
    ///
    /// ## Why
    /// An autoscaler without its workload does nothing. That shows only under load, when no replicas are added.
    ///
    /// ## Fix
    /// Write the workload's own kind and name:
    ///
    /// ```yaml
    /// scaleTargetRef:
    ///   apiVersion: apps/v1
    ///   kind: Deployment
    ///   name: cart
    /// ```
    findings: {
        /// No workload has that name
        Missing: High, Likely, absence: ["scale_target"];
        /// The kind is in another API group
        Group: High, Certain;
        /// The kind has no number of replicas
        NotScalable: High, Certain;
        /// A Rollout takes the template of the Deployment that it scales
        Lent: High, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Concurrency,
    peers: [
        "KL:dangling-horizontalpodautoscaler", "KS:horizontalpodautoscaler-has-target", "KC:C-0300",
        "GK:horizontalpodautoscaler",
    ],
    since: "0.1.0",
    applies_to: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
    uses: [ScaleTarget],
    reads: ["spec.scaleTargetRef"],
    inventory: {
        // No relation fits: what counts are workloads that it does not name. Where there is none at all, workloads are
        // kept elsewhere.
        any_workload: { kinds: ["workload"], scope: "namespace", reads: [] },
        borrowers: {
            kinds: ["argoproj.io/Rollout"],
            scope: "namespace",
            relation: same {
                there: ["object.spec.workloadRef.kind", "object.spec.workloadRef.name"],
                here: ["spec.scaleTargetRef.kind=Deployment", "spec.scaleTargetRef.name"],
            },
            reads: ["object.spec.workloadRef.name"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let reference = input.document.at("spec.scaleTargetRef");
    let (api_version, name) = (reference.get("apiVersion"), reference.get("name"));
    let is_keda = input.subject.kind == "ScaledObject";
    let kind = reference.get("kind").as_str().unwrap_or(if is_keda { "Deployment" } else { "" });
    if name.text().is_empty() || kind.is_empty() {
        return not_evaluated("`scaleTargetRef` names nothing that can be read");
    }
    let expected = match kind {
        "Deployment" | "StatefulSet" | "ReplicaSet" => "apps",
        "ReplicationController" => "",
        "DaemonSet" | "Job" | "CronJob" | "Pod" if is_own(api_version.text()) => {
            let message = format!("a {kind} has no number of replicas, so `{}` cannot be scaled", name.text());
            findings.report(Code::NotScalable, &reference.get("kind"), message);
            return Ok(());
        }
        _ if autoscaling::scale_target(input).is_some() => return Ok(()),
        _ => return not_evaluated(format!("`{kind}` is no kind of Kubernetes' own, and may stand anywhere")),
    };
    let group = api_version.text().split_once('/').map_or("", |(group, _)| group);
    // KEDA takes `apps/v1` where nothing is written.
    let is_default = is_keda && !api_version.exists();
    if group != expected && !is_default {
        if !is_own(api_version.text()) {
            if autoscaling::scale_target(input).is_some() {
                return Ok(());
            }
            return not_evaluated(format!("`{}` is no API of Kubernetes' own", api_version.text()));
        }
        let version = if expected.is_empty() { "v1" } else { "apps/v1" };
        let message = if api_version.exists() {
            format!("`apiVersion` is `{}`, but {kind} is in `{version}`: nothing is scaled", api_version.text())
        } else {
            format!("`apiVersion` is missing, and {kind} is in `{version}`: nothing is scaled")
        };
        findings.report(Code::Group, &api_version, message);
        return Ok(());
    }
    if let Some(rollout) = input.related("borrowers").next() {
        let message = format!(
            "Rollout `{}` takes the pod template of {kind} `{}`, so the Rollout is what must be scaled",
            rollout.name(),
            name.text()
        );
        let report = findings.report(Code::Lent, &name, message);
        report.label_in(&rollout, &rollout.document.at("object.spec.workloadRef.name"), "it takes the template");
    } else if autoscaling::scale_target(input).is_none() {
        if input.related("any_workload").next().is_none() {
            return not_evaluated("no workload of its namespace is among the documents");
        }
        let message = format!("there is no {kind} `{}` in its namespace, so nothing is scaled", name.text());
        findings.report(Code::Missing, &name, message);
    }
    Ok(())
}

/// Whether an `apiVersion` is of Kubernetes' own groups, today's or former ones.
fn is_own(api_version: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    matches!(group, "" | "apps" | "extensions" | "batch")
}
