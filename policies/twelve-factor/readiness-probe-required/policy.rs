use policy_sdk::prelude::*;
use policy_sdk::{image, serving};

policy_sdk::rule! {
    /// Serving containers have a readiness probe
    ///
    /// Every main container of a Deployment, StatefulSet or Rollout (of a DaemonSet if asked for)
    /// that declares a port has a `readinessProbe` with exactly one handler of an accepted type. A
    /// container without ports needs one too where a Service selects the pods and sends to a port
    /// that no container declares.
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
    severity: Critical,
    priority: P0,
    effort: Small,
    factor: "IX Disposability",
    aliases: [
        "KL:no-readiness-probe", "KS:pod-probes", "PO:readinessProbeMissing", "KC:C-0018", "CK:CKV_K8S_9",
        "KY:require-probes", "GK:requiredprobes",
    ],
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/StatefulSet", "workload/Rollout", "workload/DaemonSet"],
    reads: [
        "object.metadata.labels",
        "pod.metadata.labels",
        "container.ports",
        "main_container.image",
        "main_container.readinessProbe.httpGet.port",
        "main_container.readinessProbe.grpc.port",
        "main_container.readinessProbe.tcpSocket.port",
        "main_container.readinessProbe.exec.command",
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
        /// The types of handler that count.
        probe_types: Vec<String> = policy_sdk::parameter::list(["httpGet", "grpc", "tcpSocket", "exec"]),
        /// Images, as globs, whose containers need no probe.
        exempt_images: Vec<String> = Vec::new(),
        /// The path of the probe that the fix adds.
        readiness_path: String = "/readyz".into(),
        /// The label of workloads whose health endpoints keep to the conventions.
        opt_in_label: String = "policy/default-probes".into(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.workload().kind() == "DaemonSet" && !input.parameters.include_daemonsets {
        return not_applicable("DaemonSets are not judged unless `include_daemonsets` is set");
    }
    let is_exempt = |container: &Container<'_>| {
        input.parameters.exempt_images.iter().any(|glob| image::glob_match(glob, container.image()))
    };
    let mut serving = serving::containers(input, "services");
    if serving.is_empty() {
        return not_applicable("no container declares a port, and no Service sends to one");
    }
    serving.retain(|container| !is_exempt(container));
    let accepted = &input.parameters.probe_types;
    for container in serving {
        let probe = Probe(container.get("readinessProbe"));
        let handlers: Vec<&str> = probe.handlers().map(|(name, _)| name).collect();
        let name = container.described();
        match handlers[..] {
            [] => {
                let message = format!("{name} serves but has no `readinessProbe`");
                findings.report(&probe, message).code("missing").fix(fix(input, &container, &probe));
            }
            [handler] if accepted.iter().any(|accepted| accepted == handler) => {}
            [handler] => {
                let message = format!(
                    "the `readinessProbe` of {name} is `{handler}`, expected one of `{}`",
                    accepted.join("`, `")
                );
                findings.report(&probe.get(handler), message).code("type");
            }
            _ => {
                let message = format!("the `readinessProbe` of {name} has {} handlers, expected one", handlers.len());
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
    let http = serving::http_probe(container, &input.parameters.readiness_path, 5);
    let default = http.or_else(|| serving::grpc_probe(container, 5))?;
    let opted_in = input.workload().label(&input.parameters.opt_in_label).is_some_and(|value| value != "false");
    let title = "add a readiness probe";
    let fix = if opted_in { Fix::safe(title) } else { Fix::unsafe_(title) };
    Some(fix.set(probe, default))
}
