use policy_sdk::kubernetes::probe::Probes;
use policy_sdk::prelude::*;
use policy_sdk::values::port::Port;

policy_sdk::rule! {
    /// A liveness probe does not fail as soon as the readiness probe
    ///
    /// Where the liveness and the readiness probe of a container ask the same (handler, port, path, host, scheme,
    /// headers, command, gRPC service), the liveness probe fails later: its `periodSeconds` times `failureThreshold` is
    /// more than that of the readiness probe, both with the initial delay where there is no startup probe.
    /// Two equal `tcpSocket` probes pass, as Kubernetes' own documentation shows them, unless `allow_tcp_identical`
    /// says otherwise.
    ///
    /// ## Why
    /// A pod that is not ready is taken out of its Services and can recover. Where the same answer also restarts it, a
    /// slow database restarts all replicas at once, before they are even drained.
    ///
    /// ## Fix
    /// Ask the process about itself alone for liveness, on a path of its own. With one endpoint for both, let the
    /// liveness probe fail much later:
    ///
    /// ```yaml
    /// readinessProbe:
    ///   httpGet: {path: /health, port: http}
    ///   failureThreshold: 3
    /// livenessProbe:
    ///   httpGet: {path: /health, port: http}
    ///   failureThreshold: 6
    /// ```
    findings: {
        /// The liveness probe asks what the readiness probe asks, and fails as soon
        Identical: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    peers: ["KS:pod-probes-identical", "KY:ensure-probes-different"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Probes],
    reads: ["container.ports"],
    parameters: {
        /// Let two equal `tcpSocket` probes pass.
        allow_tcp_identical: bool = true,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for container in input.workload().containers() {
        let [liveness, readiness] = ["livenessProbe", "readinessProbe"].map(|field| Probe(container.get(field)));
        let Some((handler, asked)) = liveness.handlers().next() else { continue };
        let is_same = readiness
            .handlers()
            .next()
            .is_some_and(|(other, settings)| other == handler && is_same_question(&container, &asked, &settings));
        if !is_same || handler == "tcpSocket" && input.parameters.allow_tcp_identical {
            continue;
        }
        let has_startup = container.get("startupProbe").exists();
        let seconds = |probe: &Probe<'_>| {
            let delay = if has_startup { 0 } else { probe.initial_delay_seconds() };
            probe.detection_seconds().saturating_add(delay)
        };
        let (restarted, drained) = (seconds(&liveness), seconds(&readiness));
        if restarted > drained {
            continue;
        }
        let message = format!(
            "{} is restarted after {restarted} seconds by the same check that takes it out of service after {drained}",
            container.described()
        );
        // The first that fails later.
        let delay = restarted.saturating_sub(liveness.detection_seconds());
        let threshold = drained.saturating_sub(delay) / liveness.period_seconds().max(1) + 1;
        let fix = Fix::unsafe_(format!("restart after {threshold} failures"))
            .set(&liveness.get("failureThreshold"), threshold);
        findings.report(Code::Identical, &liveness, message).label(&readiness, "the same check").fix(fix);
    }
    Ok(())
}

/// Whether two handlers of a kind ask the same, with Kubernetes' defaults.
fn is_same_question(container: &Container<'_>, one: &View<'_>, other: &View<'_>) -> bool {
    let texts = [("path", "/"), ("host", ""), ("scheme", "HTTP"), ("service", "")];
    texts.iter().all(|(field, default)| {
        let text =
            |settings: &View<'_>| settings.get(field).as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        text(one).as_deref().unwrap_or(default) == text(other).as_deref().unwrap_or(default)
    }) && number(container, one) == number(container, other)
        && ["httpHeaders", "command"].iter().all(|list| one.get(list).to_json() == other.get(list).to_json())
}

/// The number of the port that a handler asks; where its name is declared nowhere, the name.
fn number(container: &Container<'_>, settings: &View<'_>) -> Option<String> {
    let port = Port::from_view(&settings.get("port"))?;
    let declared = container.get("ports").items().find(|declared| port.is(declared));
    let number = declared.and_then(|declared| declared.get("containerPort").as_i64());
    Some(match (port, number) {
        (_, Some(number)) | (Port::Number(number), None) => number.to_string(),
        (Port::Name(name), None) => name.to_owned(),
    })
}
