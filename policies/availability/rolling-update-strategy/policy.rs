use policy_sdk::kubernetes::autoscaling::{self, Autoscalers};
use policy_sdk::kubernetes::claim::{self, Claims};
use policy_sdk::kubernetes::node_place::{self, NodePlace};
use policy_sdk::kubernetes::rollout::{self, TemplateUsers};
use policy_sdk::kubernetes::serving::{self, Services};
use policy_sdk::kubernetes::spread::{self, Spread};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;
use policy_sdk::values::int_or_string::{IntOrString, Rounding};

policy_sdk::rule! {
    /// An update never takes all pods away at once
    ///
    /// A Deployment that a Service sends to, other than for metrics, keeps some of its replicas while it is updated.
    /// Its strategy is not `Recreate` with two replicas or more, and its `maxUnavailable` (25 % where nothing is
    /// written, rounded down) is below the number of replicas and at most `max_unavailable` percent of them. The
    /// replicas are the minimum of the autoscaler, else `spec.replicas`, else 1. `maxSurge: 0` is allowed.
    ///
    /// The rule skips what can only run once: with a claim or a path that one node has (`hostPath`), a host port, the
    /// node's network, or a required anti-affinity to its own pods on one node. Deployments without replicas, and those
    /// whose template an Argo Rollout takes, are not checked either. StatefulSets and DaemonSets are checked only with
    /// `on_delete`: their strategy is then not `OnDelete`.
    ///
    /// ## Why
    /// While all old pods stop and the new ones start, nobody answers: every release is an outage. If the new version
    /// does not start, the outage lasts until somebody goes back.
    ///
    /// ## Fix
    /// Start a new pod before an old one is stopped:
    ///
    /// ```yaml
    /// strategy:
    ///   type: RollingUpdate
    ///   rollingUpdate:
    ///     maxUnavailable: 0
    ///     maxSurge: 1
    /// ```
    findings: {
        /// All pods are stopped before new ones are started
        Recreate: High, Certain;
        /// An update may stop all pods at once
        AllAtOnce: High, Certain;
        /// An update may stop more pods than allowed
        TooMany: Medium, Certain;
        /// The API server refuses an update that may neither add nor remove a pod
        Refused: High, Certain;
        /// Pods are only replaced when somebody deletes them
        OnDelete: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    peers: ["KL:no-rolling-update-strategy", "KS:deployment-strategy", "KC:C-0305"],
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/StatefulSet", "workload/DaemonSet"],
    uses: [Autoscalers, Claims, NodePlace, Services, Spread, TemplateUsers],
    reads: ["object.spec.strategy", "object.spec.updateStrategy.type"],
    parameters: {
        /// The most pods that may be missing during an update, in percent of the replicas.
        max_unavailable: Bounded<0, 100> = Bounded::of(50),
        /// Report StatefulSets and DaemonSets with the strategy `OnDelete`.
        on_delete: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.kind() != "Deployment" {
        let place = workload.object.at("spec.updateStrategy.type");
        if !input.parameters.on_delete {
            return not_applicable("only Deployments are checked unless `on_delete` is set");
        }
        if place.text() == "OnDelete" {
            let message = "its pods are only replaced when somebody deletes them";
            findings.report(Code::OnDelete, &place, message);
        }
        return Ok(());
    }
    let strategy = workload.object.at("spec.strategy");
    let rolling = strategy.get("rollingUpdate");
    let [unavailable, surge] = ["maxUnavailable", "maxSurge"].map(|field| rolling.get(field));
    if is_nothing(&unavailable) && is_nothing(&surge) {
        let message =
            "`maxUnavailable` and `maxSurge` are both 0, so no pod could ever be replaced: the API server refuses it";
        findings.report(Code::Refused, &unavailable, message).label(&surge, "the other");
        return Ok(());
    }
    let replicas = autoscaling::effective_replicas(input);
    if replicas == 0 {
        return not_applicable("it may have no replicas");
    }
    if let Some(rollout) = rollout::template_users(input).next() {
        return not_applicable(format!("Rollout `{}` takes its pod template", rollout.name()));
    }
    let Some(service) = serving::sender(input) else {
        return not_applicable("no Service sends to its pods, other than for metrics");
    };
    if let Some(why) = runs_once(input) {
        return not_applicable(format!("only one of its pods can run: {why}"));
    }
    let serves = format!("Service `{}` sends to them", service.name());
    let kind = strategy.get("type");
    if kind.text() == "Recreate" {
        if replicas >= 2 {
            let message = format!("an update stops all {replicas} pods before new ones start: {serves}");
            let gentle =
                object! { "type": "RollingUpdate", "rollingUpdate": object! { "maxUnavailable": 0, "maxSurge": 1 } };
            let fix = Fix::unsafe_("replace the pods one by one").set(&strategy, gentle);
            findings.report(Code::Recreate, &kind, message).fix(fix);
        }
        return Ok(());
    }
    let allowed = input.parameters.max_unavailable.get();
    // A quarter, rounded down, which Kubernetes takes where nothing is written, is never too much.
    let Some(bound) = IntOrString::from_view(&unavailable) else { return Ok(()) };
    let missing = bound.scale(replicas, Rounding::Down).unwrap_or(replicas);
    let written = unavailable.scalar_text().unwrap_or_default();
    let is_all = missing >= replicas;
    if !is_all && missing.saturating_mul(100) <= replicas.saturating_mul(allowed) {
        return Ok(());
    }
    let most = missing.min(replicas);
    let code = if is_all { Code::AllAtOnce } else { Code::TooMany };
    let limit = if is_all { String::new() } else { format!(", expected at most {allowed} %") };
    let message =
        format!("`maxUnavailable` is `{written}`: an update may take {most} of {replicas} pods away{limit}; {serves}");
    let fix = Fix::unsafe_("start new pods before old ones are stopped").set(&unavailable, 0);
    let fix = if is_nothing(&surge) { fix.set(&surge, 1) } else { fix };
    findings.report(code, &unavailable, message).fix(fix);
    Ok(())
}

/// Whether a bound is written as 0 or `0%`.
fn is_nothing(bound: &View<'_>) -> bool {
    matches!(IntOrString::from_view(bound), Some(IntOrString::Int(0) | IntOrString::Percent(0)))
}

/// Why a second pod could not run beside the first.
fn runs_once(input: &Input<'_, Parameters>) -> Option<String> {
    if let Some(claim) = claim::of_one_node(input) {
        return Some(format!("only one node may mount its claim `{}`", claim.text()));
    }
    if spread::is_alone_on_node(input) {
        return Some("an anti-affinity lets each node have only one".to_owned());
    }
    node_place::holds_alone(input).or_else(|| node_place::host_path(input))
}
