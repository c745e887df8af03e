use policy_sdk::kubernetes::probe::{self, ConventionalProbes, ProbeHandler};
use policy_sdk::kubernetes::serving::{self, Served, Services};
use policy_sdk::parameter;
use policy_sdk::prelude::*;
use policy_sdk::settings::ReadinessPath;
use policy_sdk::values::port::Port;

policy_sdk::rule! {
    /// Serving containers have a readiness probe
    ///
    /// Every main container of a Deployment, StatefulSet or Rollout (of a DaemonSet if asked for) that a Service
    /// of its namespace sends to has a `readinessProbe` with exactly one handler of an accepted type, or another
    /// container's probe asks the port. Where a Service sends to a port that no container declares, one probe in
    /// the pod is enough. Ports for metrics, Services with `publishNotReadyAddresses` and containers with the
    /// image `auto`, for which Istio puts its own, do not count.
    ///
    /// The fix guesses that the health endpoint keeps to the conventions (`/readyz` on the port
    /// `http`, the gRPC health service on the port `grpc`), so it needs a person, unless the workload
    /// has the label that says so.
    ///
    /// ## Why
    /// Without the probe a pod gets traffic from the moment its process starts, and keeps getting it
    /// while it cannot answer: every rollout and every overload shows as errors to users.
    ///
    /// ## Fix
    /// Add a `readinessProbe` that fails while the container cannot answer requests.
    findings: {
        /// A container that a Service sends to has no readiness probe
        Missing: High, Likely;
        /// A probe has several handlers, or none: the API server refuses it
        Handlers: High, Certain;
        /// The handler is of a type that is not accepted
        Type: Low, Certain;
        /// A container declares a port, no Service is known, and it has no readiness probe
        Unserved: Info, Guess;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    peers: [
        "KL:no-readiness-probe", "KS:pod-probes", "PO:readinessProbeMissing", "KC:C-0018", "CK:CKV_K8S_9",
        "KY:require-probes", "GK:requiredprobes",
    ],
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/Rollout", "workload/CloneSet",
        "workload/DeploymentConfig", "workload/DaemonSet",
    ],
    uses: [Services, ReadinessPath, ConventionalProbes],
    reads: [
        "main_container.image",
        "main_container.readinessProbe.httpGet.port",
        "main_container.readinessProbe.grpc.port",
        "main_container.readinessProbe.tcpSocket.port",
        "main_container.readinessProbe.exec.command",
    ],
    parameters: {
        /// Judge DaemonSets too.
        include_daemonsets: bool = false,
        /// The types of handler that count.
        probe_types: Vec<ProbeHandler> =
            vec![ProbeHandler::HttpGet, ProbeHandler::Grpc, ProbeHandler::TcpSocket, ProbeHandler::Exec],
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.kind() == "DaemonSet" && !input.parameters.include_daemonsets {
        return not_applicable("DaemonSets are not checked unless `include_daemonsets` is set");
    }
    for container in workload.main_containers() {
        judge_handlers(&container, &input.parameters.probe_types, findings);
    }
    let lacks_probe = |container: &Container<'_>| !container.get("readinessProbe").exists();
    let served = serving::served(input, serving::waits);
    for Served { container, port, service } in &served {
        let is_asked = workload.main_containers().any(|other| asks(&other, port));
        if !lacks_probe(container) || is_asked || container.image() == "auto" {
            continue;
        }
        let message =
            format!("{} serves Service `{}` but has no `readinessProbe`", container.described(), service.name());
        let probe = container.get("readinessProbe");
        findings
            .report(Code::Missing, &probe, message)
            .label_in(service, &service.document.at("spec.ports"), "it sends to the container")
            .fix(fix(input, container, &probe));
    }
    if let Some(service) = serving::sending_to_undeclared(input).filter(serving::waits) {
        if workload.main_containers().all(|container| lacks_probe(&container)) {
            let message = format!(
                "Service `{}` sends to a port that no container declares, and none has a `readinessProbe`",
                service.name()
            );
            findings.report(Code::Missing, &workload.spec().get("containers"), message).label_in(
                &service,
                &service.document.at("spec.ports"),
                "it sends to the pods",
            );
        }
    } else if serving::services(input).next().is_none() {
        let unserved = workload.main_containers().filter(|container| {
            container.declares_ports() && lacks_probe(container) && !serving::is_for_metrics_only(container)
        });
        for container in unserved {
            let message = format!("{} declares a port but has no `readinessProbe`", container.described());
            findings.report(Code::Unserved, &container.get("readinessProbe"), message);
        }
    } else if served.is_empty() && findings.is_empty() {
        return not_applicable("no Service sends to a container other than for metrics");
    }
    Ok(())
}

/// A probe that is there has one handler, of an accepted type.
fn judge_handlers(container: &Container<'_>, accepted: &[ProbeHandler], findings: &mut Findings) {
    let probe = Probe(container.get("readinessProbe"));
    if !probe.exists() {
        return;
    }
    let (name, accepted) = (container.described(), parameter::words(accepted));
    let handlers: Vec<&str> = probe.handlers().map(|(name, _)| name).collect();
    match handlers[..] {
        [handler] if accepted.contains(&handler) => {}
        [handler] => {
            let expected = accepted.join("`, `");
            let message = format!("the `readinessProbe` of {name} is `{handler}`, expected one of `{expected}`");
            findings.report(Code::Type, &probe.get(handler), message);
        }
        _ => {
            let message = format!(
                "the `readinessProbe` of {name} has {} handlers, expected one: the API server refuses it",
                handlers.len()
            );
            findings.report(Code::Handlers, &probe, message);
        }
    }
}

/// Whether a container's probe asks a port, by number or by the name that it has.
fn asks(container: &Container<'_>, port: &View<'_>) -> bool {
    Probe(container.get("readinessProbe"))
        .handlers()
        .any(|(_, handler)| Port::from_view(&handler.get("port")).is_some_and(|asked| asked.is(port)))
}

fn fix(input: &Input<'_, Parameters>, container: &Container<'_>, probe: &View<'_>) -> Option<Fix> {
    if probe.exists() {
        return None;
    }
    let http = probe::http_probe(container, &input.setting::<ReadinessPath>(), 5);
    let default = http.or_else(|| probe::grpc_probe(container, 5))?;
    Some(probe::added(input, "add a readiness probe", probe, default))
}
