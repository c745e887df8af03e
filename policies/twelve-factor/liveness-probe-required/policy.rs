use policy_sdk::kubernetes::probe::{self, ConventionalProbes};
use policy_sdk::kubernetes::serving::{self, Services};
use policy_sdk::prelude::*;
use policy_sdk::settings::LivenessPath;

policy_sdk::rule! {
    /// Long-running containers have a liveness probe
    ///
    /// Every main container of a Deployment, StatefulSet or Rollout that a Service of its namespace sends to has a
    /// `livenessProbe`; where `require_when_no_ports` is set, every main container has. Proxies that only let
    /// requests through to the container beside them need none. Every probe has exactly one handler.
    ///
    /// Whether a probe helps depends on the program: one that crashes is restarted without, and a careless probe
    /// restarts what is only busy.
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
    findings: {
        /// A container that a Service sends to has no liveness probe
        Missing: Low, Guess;
        /// A probe has several handlers, or none: the API server refuses it
        Handlers: High, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    peers: [
        "KL:no-liveness-probe", "KS:pod-probes", "PO:livenessProbeMissing", "KC:C-0056", "CK:CKV_K8S_8",
        "KY:require-probes", "GK:requiredprobes",
    ],
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/Rollout", "workload/CloneSet",
        "workload/DeploymentConfig", "workload/DaemonSet",
    ],
    uses: [Services, LivenessPath, ConventionalProbes],
    reads: [
        "main_container.image",
        "main_container.livenessProbe.httpGet.port",
        "main_container.livenessProbe.grpc.port",
        "main_container.livenessProbe.tcpSocket.port",
        "main_container.livenessProbe.exec.command",
    ],
    parameters: {
        /// Require the probe of containers that do not serve as well.
        require_when_no_ports: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    for container in workload.main_containers() {
        let probe = Probe(container.get("livenessProbe"));
        let handlers = probe.handlers().count();
        if probe.exists() && handlers != 1 {
            let name = container.described();
            let message = format!(
                "the `livenessProbe` of {name} has {handlers} handlers, expected one: the API server refuses it"
            );
            findings.report(Code::Handlers, &probe, message);
        }
    }
    let containers: Vec<Container<'_>> = if !workload.is_long_running() {
        Vec::new()
    } else if input.parameters.require_when_no_ports {
        workload.main_containers().collect()
    } else {
        serving::served(input, |_| true).into_iter().map(|served| served.container).collect()
    };
    if containers.is_empty() && findings.is_empty() {
        return not_applicable("no Service sends to its containers");
    }
    for container in containers.iter().filter(|container| !is_proxy(container)) {
        let probe = container.get("livenessProbe");
        if !probe.exists() {
            let message = format!("{} has no `livenessProbe`", container.described());
            findings.report(Code::Missing, &probe, message).fix(fix(input, container, &probe));
        }
    }
    Ok(())
}

/// Containers that check who asks, and pass the request on.
fn is_proxy(container: &Container<'_>) -> bool {
    const PROXIES: [&str; 3] = ["rbac-proxy", "auth-proxy", "oauth2-proxy"];
    PROXIES.iter().any(|proxy| container.image().contains(proxy) || container.name().contains(proxy))
}

fn fix(input: &Input<'_, Parameters>, container: &Container<'_>, probe: &View<'_>) -> Option<Fix> {
    if probe.exists() {
        return None;
    }
    let default = probe::http_probe(container, &input.setting::<LivenessPath>(), 10)?;
    Some(probe::added(input, "add a liveness probe", probe, default))
}
