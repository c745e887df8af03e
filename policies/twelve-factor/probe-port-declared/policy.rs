use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Probes and hooks use ports that the container declares
    ///
    /// Where a probe or lifecycle hook of a container has an `httpGet`, `tcpSocket` or `grpc`
    /// handler, a port given by name is the `name` of one of the container's own `ports`, a number is
    /// the `containerPort` of one, and that of `grpc` is a number. A number beside a `host` is a port of that
    /// host and not judged.
    ///
    /// ## Why
    /// A probe of a name that nobody declares never succeeds: the pod is not ready, or is restarted
    /// for ever. An undeclared number is most often the one that was forgotten when the port changed.
    ///
    /// ## Fix
    /// Declare the port under a name and give that name to the probe.
    severity: High,
    priority: P0,
    effort: Small,
    factor: "IX Disposability",
    aliases: ["KL:liveness-port", "KL:readiness-port", "KL:startup-port"],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "container.ports",
        "container.*.httpGet.port", "container.*.httpGet.host",
        "container.*.tcpSocket.port", "container.*.tcpSocket.host",
        "container.*.grpc.port",
        "container.lifecycle.*.httpGet.port", "container.lifecycle.*.httpGet.host",
        "container.lifecycle.*.tcpSocket.port", "container.lifecycle.*.tcpSocket.host",
    ],
    parameters: {
        /// Numbers must be declared as well as names.
        numeric_must_be_declared: bool = true,
    },
}

const PLACES: [&str; 5] =
    ["startupProbe", "livenessProbe", "readinessProbe", "lifecycle.postStart", "lifecycle.preStop"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for container in input.workload().containers() {
        for place in PLACES {
            for (handler, settings) in Probe(container.at(place)).handlers() {
                if matches!(handler, "httpGet" | "tcpSocket" | "grpc") {
                    judge(input, &container, (place, handler), &settings, findings);
                }
            }
        }
    }
    Ok(())
}

fn judge(
    input: &Input<'_, Parameters>,
    container: &Container<'_>,
    (place, handler): (&str, &str),
    settings: &View<'_>,
    findings: &mut Findings,
) {
    let port = settings.get("port");
    let ports = container.get("ports");
    let subject = format!("`{place}.{handler}` of {}", container.described());
    let report = if let Some(name) = port.as_str() {
        if handler == "grpc" {
            findings.report(&port, format!("{subject} has the port `{name}`, expected a number")).code("grpc-name");
            return;
        }
        if ports.items().any(|declared| declared.get("name").as_str() == Some(name)) {
            return;
        }
        findings
            .report(&port, format!("{subject} asks the port `{name}`, which the container does not declare"))
            .code("name")
    } else {
        let number = port.as_i64();
        let is_declared = ports.items().any(|declared| declared.get("containerPort").as_i64() == number);
        let Some(number) = number.filter(|_| input.parameters.numeric_must_be_declared && !is_declared) else { return };
        if !settings.get("host").text().is_empty() {
            return;
        }
        findings
            .report(&port, format!("{subject} asks the port {number}, which the container does not declare"))
            .code("number")
    };
    if ports.exists() {
        report.label(&ports, "the ports that it declares");
    }
}
