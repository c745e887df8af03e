use policy_sdk::kubernetes::command::Commands;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Probes and hooks name ports that the container declares
    ///
    /// Where a probe or lifecycle hook of a container has an `httpGet`, `tcpSocket` or `grpc`
    /// handler, a port given by name is the `name` of one of the container's own `ports`, and that of `grpc` is a
    /// number. A number works undeclared; only where `numeric_must_be_declared` is set it is the `containerPort`
    /// of a port, unless it stands in the container's command, arguments or environment, or beside a `host`.
    ///
    /// ## Why
    /// A name that nobody declares is an error of the probe, not a failure: with it a pod is never ready, never
    /// started, or never restarted, and nothing says why.
    ///
    /// ## Fix
    /// Declare the port under a name and give that name to the probe.
    findings: {
        /// The container declares no port of that name
        Name: High, Certain;
        /// A number in quotes: the API server refuses it, since a name needs a letter
        QuotedNumber: High, Certain;
        /// A gRPC probe has a name for its port: the API server refuses it
        GrpcName: High, Certain;
        /// The container declares no port of that number
        Number: Info, Guess;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    peers: ["KL:liveness-port", "KL:readiness-port", "KL:startup-port"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Commands],
    reads: [
        "container.ports", "container.env[*].value",
        "container.*.httpGet.port", "container.*.httpGet.host",
        "container.*.tcpSocket.port", "container.*.tcpSocket.host",
        "container.*.grpc.port",
        "container.lifecycle.*.httpGet.port", "container.lifecycle.*.httpGet.host",
        "container.lifecycle.*.tcpSocket.port", "container.lifecycle.*.tcpSocket.host",
    ],
    reads_built: true,
    parameters: {
        /// Numbers must be declared as well as names.
        numeric_must_be_declared: bool = false,
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
            let message = format!("{subject} has the port `{name}`, expected a number: the API server refuses it");
            findings.report(Code::GrpcName, &port, message);
            return;
        }
        if !name.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            let message = format!("{subject} has the port `{name}` in quotes, which the API server refuses");
            let number = name.parse::<u16>().ok().filter(|number| *number > 0);
            let fix = number.map(|number| Fix::safe("drop the quotes").set(&port, i64::from(number)));
            findings.report(Code::QuotedNumber, &port, message).fix(fix);
            return;
        }
        let declares = |container: &Container<'_>| {
            container.get("ports").items().any(|declared| declared.get("name").as_str() == Some(name))
        };
        if declares(container) {
            return;
        }
        let other = input.workload().containers().find(declares);
        let other = other.map(|other| format!("; {} does", other.described())).unwrap_or_default();
        let effect = effect(place);
        let message =
            format!("{subject} asks the port `{name}`, which the container does not declare{other}: {effect}");
        findings.report(Code::Name, &port, message)
    } else {
        let number = port.as_i64();
        let is_declared = ports.items().any(|declared| declared.get("containerPort").as_i64() == number);
        let Some(number) = number.filter(|_| input.parameters.numeric_must_be_declared && !is_declared) else { return };
        if !settings.get("host").text().is_empty() || mentions(container, number) {
            return;
        }
        let message = format!("{subject} asks the port {number}, which the container does not declare");
        findings.report(Code::Number, &port, message)
    };
    if ports.exists() {
        report.label(&ports, "the ports that it declares");
    }
}

/// What the kubelet makes of a probe or a hook that it cannot run.
fn effect(place: &str) -> &'static str {
    match place {
        "startupProbe" => "it never starts",
        "livenessProbe" => "it is never restarted",
        "readinessProbe" => "it is never ready",
        "lifecycle.postStart" => "it is killed as soon as it starts",
        _ => "the hook does nothing",
    }
}

/// Whether a number stands in a container's command, arguments or environment.
fn mentions(container: &Container<'_>, number: i64) -> bool {
    let number = number.to_string();
    let holds = |text: &str| text.split(|character: char| !character.is_ascii_digit()).any(|part| part == number);
    let words = container.command_line().all_words();
    let mut values = container.get("env").items().map(|variable| variable.get("value"));
    words.iter().any(|word| holds(word.text())) || values.any(|value| holds(value.text()))
}
