use policy_sdk::kubernetes::autoscaling::{self, Autoscalers};
use policy_sdk::kubernetes::claim::{self, Claims};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Deployments do not share a volume for one writer
    ///
    /// A claim that a Deployment or Rollout mounts, and of which the access modes are only `ReadWriteOnce` or
    /// `ReadWriteOncePod`, is never needed on two nodes: there is one replica at most, and a rollout stops the old pod before it
    /// starts the new one (`strategy: {type: Recreate}`, or `maxSurge: 0`). With `ReadWriteOnce` several pods may share
    /// it where a required pod affinity or a node selector keeps them on one node. Ephemeral volumes are of one pod each
    /// and pass, as do claims that `ReadWriteMany` or `ReadOnlyMany` allows on many nodes.
    ///
    /// ## Why
    /// Such a volume is attached to one node. The second pod, on another node, waits for it (`Multi-Attach error`), the
    /// rollout waits for the second pod, and the volume is not released before the rollout ends.
    ///
    /// ## Fix
    /// Use a StatefulSet with `volumeClaimTemplates`, so that each replica has a volume of its own, or keep the data in a
    /// database or object store. With one replica, `strategy: {type: Recreate}` is enough:
    /// ```yaml
    /// spec:
    ///   replicas: 1
    ///   strategy:
    ///     type: Recreate
    /// ```
    findings: {
        /// Only one pod may use the claim, and there will be two
        OnePod: Medium, Certain;
        /// Several replicas mount a claim of one node
        SeveralReplicas: Medium, Likely;
        /// A rollout starts a second pod while the first holds a claim of one node
        Rollout: Medium, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: Processes,
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/Rollout"],
    uses: [Claims, Autoscalers],
    reads: [
        "object.spec.strategy",
        "pod.spec.nodeName",
        "pod.spec.nodeSelector",
        "pod.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[*].topologyKey",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (replicas, most) = (autoscaling::effective_replicas(input), autoscaling::most_replicas(input));
    let claims: Vec<Related<'_>> = claim::claims(input).collect();
    let names: Vec<View<'_>> = claim::names(input).collect();
    if names.is_empty() {
        return not_applicable("it mounts no claim");
    }
    let (starts_second, on_one_node) = (starts_second(input), is_on_one_node(&input.workload().spec()));
    let mut unknown = None;
    for name in &names {
        let Some(claim) = claims.iter().find(|claim| claim.name() == name.text()) else {
            unknown = Some(name.text());
            continue;
        };
        let modes = claim.document.at("spec.accessModes");
        let is_of_one_pod = claim::is_of_one_pod(&modes);
        if !claim::is_of_one_node(&modes) || on_one_node && !is_of_one_pod {
            continue;
        }
        let subject = format!("the claim `{}` is `{}`", name.text(), modes.item(0).text());
        let code = |other| if is_of_one_pod { Code::OnePod } else { other };
        let (code, message) = if replicas > 1 {
            (code(Code::SeveralReplicas), format!("{subject}, and {replicas} replicas mount it"))
        } else if most > 1 {
            (code(Code::SeveralReplicas), format!("{subject}, and its autoscaler makes up to {most} replicas"))
        } else if replicas == 1 && starts_second {
            (code(Code::Rollout), format!("{subject}, and a rollout starts a second pod before it stops the first"))
        } else {
            continue;
        };
        let is_deployment = input.subject.kind == "Deployment";
        let fix = (most <= 1 && is_deployment).then(|| recreate(&input.workload().object));
        findings.report(code, name, message).label_in(claim, &modes, "its access modes").fix(fix);
    }
    match unknown.filter(|_| findings.is_empty()) {
        Some(name) => not_evaluated(format!("the claim `{name}` is not among the documents")),
        None => Ok(()),
    }
}

/// Whether a rollout starts a new pod before it stops the old one, of one replica.
fn starts_second(input: &Input<'_, Parameters>) -> bool {
    let strategy = input.workload().object.at("spec.strategy");
    // Of 25 %, the default, one pod remains, rounded up.
    let is_none = |surge: View<'_>| matches!(surge.scalar_text(), Some("0" | "0%"));
    strategy.get("type").text() != "Recreate"
        && !["rollingUpdate", "canary"].iter().any(|kind| is_none(strategy.get(kind).get("maxSurge")))
}

/// Whether the pods are kept on one node, where several may use a `ReadWriteOnce` volume.
fn is_on_one_node(spec: &View<'_>) -> bool {
    const HOSTNAME: &str = "kubernetes.io/hostname";
    let required = spec.at("affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    spec.get("nodeName").exists()
        || spec.get("nodeSelector").get(HOSTNAME).exists()
        || required.items().any(|term| term.get("topologyKey").text() == HOSTNAME)
}

fn recreate(object: &View<'_>) -> Fix {
    let strategy = object.at("spec.strategy");
    let fix = Fix::unsafe_("stop the old pod before the new one starts");
    if strategy.exists() {
        return fix.set(&strategy, object! { "type": "Recreate" });
    }
    fix.set(&strategy.get("type"), "Recreate")
}
