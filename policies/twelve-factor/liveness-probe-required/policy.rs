use policy_sdk::prelude::*;
use policy_sdk::serving;

policy_sdk::rule! {
    /// Long-running containers have a liveness probe
    ///
    /// Every main container of a Deployment, StatefulSet or Rollout (of a DaemonSet if asked for)
    /// that declares a port has a `livenessProbe` with exactly one handler. A container without ports
    /// needs one too where a Service selects the pods and sends to a port that no container declares,
    /// or where `require_when_no_ports` is set. An annotation of the pod or the object can name
    /// containers that need none: `policy/no-liveness-probe: worker,proxy`, or `"*"` for all.
    ///
    /// The fix guesses that `/healthz` on the port `http` is the health endpoint, so it needs a
    /// person, unless the workload has the label that says so. For gRPC there is no fix: the
    /// same probe as for readiness would restart what is only busy.
    ///
    /// ## Why
    /// A deadlocked process still holds its port open. Only a probe makes Kubernetes restart it.
    ///
    /// ## Fix
    /// Add a `livenessProbe` that asks the process about itself alone. It must not test databases or
    /// other services: when one of them is down, every replica would be restarted on top.
    severity: High,
    priority: P0,
    effort: Small,
    factor: "IX Disposability",
    aliases: [
        "KL:no-liveness-probe", "KS:pod-probes", "PO:livenessProbeMissing", "KC:C-0056", "CK:CKV_K8S_8",
        "KY:require-probes", "GK:requiredprobes",
    ],
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/StatefulSet", "workload/Rollout", "workload/DaemonSet"],
    reads: [
        "object.metadata.labels",
        "object.metadata.annotations",
        "pod.metadata.labels",
        "pod.metadata.annotations",
        "container.ports",
        "main_container.livenessProbe.httpGet.port",
        "main_container.livenessProbe.grpc.port",
        "main_container.livenessProbe.tcpSocket.port",
        "main_container.livenessProbe.exec.command",
    ],
    inventory: {
        services: {
            kinds: ["core/Service"],
            scope: "namespace",
            relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
            reads: ["spec.ports"],
        },
    },
    parameters: {
        /// Judge DaemonSets too.
        include_daemonsets: bool = false,
        /// Require the probe of containers that do not serve as well.
        require_when_no_ports: bool = false,
        /// The annotation that names the containers that need no probe.
        exempt_annotation: String = "policy/no-liveness-probe".into(),
        /// The path of the probe that the fix adds.
        liveness_path: String = "/healthz".into(),
        /// The label of workloads whose health endpoints keep to the conventions.
        opt_in_label: String = "policy/default-probes".into(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.kind() == "DaemonSet" && !input.parameters.include_daemonsets {
        return not_applicable("DaemonSets are not judged unless `include_daemonsets` is set");
    }
    let containers = match input.parameters.require_when_no_ports {
        true => workload.main_containers().collect(),
        false => serving::containers(input, "services"),
    };
    if containers.is_empty() {
        return not_applicable("no container declares a port, and no Service sends to one");
    }
    let exempt = workload.annotation(&input.parameters.exempt_annotation).unwrap_or_default();
    let is_exempt = |name: &str| exempt.split(',').map(str::trim).any(|exempt| exempt == "*" || exempt == name);
    for container in containers.iter().filter(|container| !is_exempt(container.name())) {
        let probe = Probe(container.get("livenessProbe"));
        let name = container.described();
        match probe.handlers().count() {
            0 => {
                let message = format!(
                    "{name} has no `livenessProbe` (it must test only the process itself, not its dependencies)"
                );
                findings.report(&probe, message).code("missing").fix(fix(input, container, &probe));
            }
            1 => {}
            handlers => {
                let message = format!("the `livenessProbe` of {name} has {handlers} handlers, expected one");
                findings.report(&probe, message).code("handlers");
            }
        }
    }
    Ok(())
}

fn fix(input: &Input<'_, Parameters>, container: &Container<'_>, probe: &View<'_>) -> Option<Fix> {
    if probe.exists() {
        return None;
    }
    let default = serving::http_probe(container, &input.parameters.liveness_path, 10)?;
    let opted_in = input.workload().label(&input.parameters.opt_in_label).is_some_and(|value| value != "false");
    let title = "add a liveness probe";
    let fix = if opted_in { Fix::safe(title) } else { Fix::unsafe_(title) };
    Some(fix.set(probe, default))
}
