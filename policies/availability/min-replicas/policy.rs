use policy_sdk::prelude::*;
use policy_sdk::{autoscaling, production, serving};

policy_sdk::rule! {
    /// Serving workloads run at least two replicas
    ///
    /// A Deployment, StatefulSet or Rollout of production that serves (a container declares a port,
    /// or a Service sends to one) always has at least `min` replicas: the minimum of the
    /// HorizontalPodAutoscaler or ScaledObject that scales it, else `spec.replicas`, else 1.
    ///
    /// None at all passes: it is the idle half of a blue/green pair, or scales to zero. Controllers
    /// that elect a leader are exempt by the label `single-replica-ok`. Production is a namespace
    /// with the part `prod`, `production` or `live`, a label `environment: prod`, or a folder `prod`.
    ///
    /// The fix needs a person, who knows whether the program can run twice.
    ///
    /// ## Why
    /// With one replica every node drain, crash and reschedule is an outage.
    ///
    /// ## Fix
    /// Set `replicas: 2`, or the minimum of the autoscaler to 2.
    severity: High,
    priority: P1,
    effort: Small,
    factor: "VIII Concurrency",
    aliases: [
        "KL:minimum-three-replicas", "KS:deployment-replicas", "PO:deploymentMissingReplicas",
        "KY:require-deployments-have-multiple-replicas", "GK:replicalimits",
    ],
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/StatefulSet", "workload/Rollout"],
    reads: [
        "file",
        "object.metadata.labels",
        "object.spec.replicas",
        "pod.metadata.labels",
        "container.ports",
    ],
    inventory: {
        services: {
            kinds: ["core/Service"],
            scope: "namespace",
            relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
            reads: ["spec.ports"],
        },
        autoscalers: {
            kinds: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
            scope: "namespace",
            relation: names {
                kind: "spec.scaleTargetRef.kind=Deployment",
                group: "spec.scaleTargetRef.apiVersion",
                name: "spec.scaleTargetRef.name",
            },
            reads: ["spec.minReplicas", "spec.minReplicaCount", "spec.idleReplicaCount"],
        },
    },
    parameters: {
        /// The replicas that must always be there.
        min: i64 = 2,
        /// What is judged: `prod` or `all`.
        scope: String = "prod".into(),
        /// The label of workloads of which one replica is enough.
        exempt_label: String = "single-replica-ok".into(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let Parameters { min, scope, exempt_label } = &input.parameters;
    if scope != "all" && !production::is_production(input) {
        return not_applicable("it is not of production");
    }
    if workload.label(exempt_label).is_some_and(|value| value != "false") {
        return not_applicable(format!("it has the label `{exempt_label}`"));
    }
    if serving::containers(input, "services").is_empty() {
        return not_applicable("no container declares a port, and no Service sends to one");
    }
    let replicas = autoscaling::effective_replicas(input, "autoscalers");
    if replicas == 0 || replicas >= *min {
        return Ok(());
    }
    let view = workload.object.at("spec.replicas");
    match autoscaling::autoscaler(input, "autoscalers") {
        Some(autoscaler) => {
            let (kind, name) = (autoscaler.kind(), autoscaler.name());
            let message = format!("{kind} `{name}` has a minimum of {replicas}, expected at least {min}");
            findings.report(&view, message).code("autoscaler");
        }
        None => {
            let message = format!("`replicas` is {replicas}, expected at least {min}");
            let fix = Fix::unsafe_(format!("run {min} replicas")).set(&view, *min);
            findings.report(&view, message).code("replicas").fix(fix);
        }
    }
    Ok(())
}
