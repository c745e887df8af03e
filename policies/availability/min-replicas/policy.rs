use policy_sdk::kubernetes::autoscaling::{self, Autoscalers};
use policy_sdk::kubernetes::claim::{self, Claims};
use policy_sdk::kubernetes::command::Commands;
use policy_sdk::kubernetes::production::{self, Production};
use policy_sdk::kubernetes::serving::{self, Services};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Serving workloads run at least two replicas
    ///
    /// A Deployment or Rollout of production that a Service sends to, other than for metrics, always has at least
    /// `min` replicas: the minimum of the HorizontalPodAutoscaler or ScaledObject that scales it, else
    /// `spec.replicas`, else 1.
    ///
    /// None at all passes: it is the idle half of a blue/green pair, or scales to zero. The rule skips what can
    /// only run once (strategy `Recreate`, a volume claim that one node may mount), what elects a leader
    /// (`--leader-elect` among the arguments), and StatefulSets, unless asked for: a database is not scaled by a
    /// number. Production is a namespace
    /// with the part `prod`, `production` or `live`, a label `environment: prod`, or a folder `prod`.
    ///
    /// The fix needs a person, who knows whether the program can run twice.
    ///
    /// ## Why
    /// With one replica every node drain, crash and reschedule is an outage.
    ///
    /// ## Fix
    /// Set `replicas: 2`, or the minimum of the autoscaler to 2.
    findings: {
        /// `replicas` of a workload in production is too low
        Replicas: High, Likely, covers: ["pdb-required"], within: Document;
        /// The minimum of its autoscaler is too low
        Autoscaler: High, Likely, covers: ["pdb-required"], within: Document;
    },
    priority: P1,
    effort: Small,
    factor: Concurrency,
    peers: [
        "KL:minimum-three-replicas", "KS:deployment-replicas", "PO:deploymentMissingReplicas",
        "KY:require-deployments-have-multiple-replicas", "GK:replicalimits",
    ],
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/Rollout", "workload/CloneSet",
        "workload/DeploymentConfig",
    ],
    uses: [Autoscalers, Claims, Commands, Production, Services],
    reads: [
        "object.metadata.name",
        "object.spec.strategy.type",
    ],
    parameters: {
        /// The replicas that must always be there.
        min: Bounded<1, 1000> = Bounded::of(2),
        /// What is checked: `prod` or `all`.
        scope: Scope = Scope::Prod,
        /// Judge StatefulSets too.
        include_statefulsets: bool = false,
    },
}

policy_sdk::choice! {
    /// What is checked.
    pub Scope { Prod = "prod", All = "all" }
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let Parameters { min, scope, include_statefulsets } = &input.parameters;
    let min = min.get();
    if *scope == Scope::Prod && !production::is_production(input) {
        return not_applicable("it is not of production");
    }
    if workload.kind() == "StatefulSet" && !include_statefulsets {
        return not_applicable("StatefulSets are not checked unless `include_statefulsets` is set");
    }
    if workload.object.at("spec.strategy.type").text() == "Recreate" {
        return not_applicable("its strategy `Recreate` says that it runs only once");
    }
    if workload.containers().any(|container| elects_leader(&container)) {
        return not_applicable("it elects a leader");
    }
    let Some(service) = serving::sender(input) else {
        return not_applicable("no Service sends to its pods, other than for metrics");
    };
    if let Some(claim) = claim::of_one_node(input) {
        return not_applicable(format!("only one node may mount its claim `{}`", claim.text()));
    }
    let replicas = autoscaling::effective_replicas(input);
    if replicas == 0 || replicas >= min {
        return Ok(());
    }
    let serves = format!("Service `{}` sends to its pods", service.name());
    match (autoscaling::autoscaler(input), autoscaling::borrower(input)) {
        (Some(autoscaler), _) => {
            let (kind, name) = (autoscaler.kind(), autoscaler.name());
            let message = format!("{kind} `{name}` has a minimum of {replicas}, expected at least {min}: {serves}");
            // Not at `spec.replicas`, whose change would do nothing.
            let report = findings.report(Code::Autoscaler, &workload.object.at("metadata.name"), message);
            report.label_in(&autoscaler, &autoscaling::minimum_place(&autoscaler), "its minimum");
        }
        (None, Some(rollout)) => {
            let name = rollout.name();
            let message = format!(
                "Rollout `{name}`, which runs its pods, has `replicas` {replicas}, expected at least {min}: {serves}"
            );
            // Replicas of its own would run beside those of the Rollout.
            let own = rollout.workload().object.at("spec.replicas");
            findings.report(Code::Replicas, &workload.object.at("metadata.name"), message).label_in(
                &rollout,
                &own,
                "its replicas",
            );
        }
        (None, None) => {
            let view = workload.object.at("spec.replicas");
            let message = format!("`replicas` is {replicas}, expected at least {min}: {serves}");
            let has_claim = claim::names(input).next().is_some();
            let fix = (!has_claim).then(|| Fix::unsafe_(format!("run {min} replicas")).set(&view, min));
            findings.report(Code::Replicas, &view, message).fix(fix);
        }
    }
    Ok(())
}

/// `--leader-elect`, `--enable-leader-election` and the like, unless switched off.
fn elects_leader(container: &Container<'_>) -> bool {
    container.command_line().options().any(|(name, value)| {
        (name.starts_with("leader-elect") || name.starts_with("enable-leader-elect")) && value != Some("false")
    })
}
