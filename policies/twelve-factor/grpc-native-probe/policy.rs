use policy_sdk::kubernetes::probe::{self, Probes};
use policy_sdk::kubernetes::service;
use policy_sdk::kubernetes::serving::{self, Services};
use policy_sdk::language::shell::base_name;
use policy_sdk::prelude::*;
use policy_sdk::settings::KubernetesVersion;
use policy_sdk::values::port::Port;

policy_sdk::rule! {
    /// gRPC servers are probed by gRPC
    ///
    /// No `httpGet` or `tcpSocket` of a probe asks a port that speaks gRPC. A port does when its name is `grpc` or begins
    /// with `grpc-` (but `grpc-web`, which is HTTP), or when a Service that sends to it says `appProtocol: grpc`. A
    /// server that speaks both on one port, as many Go servers do, should name the port otherwise: `http-grpc`.
    ///
    /// An `exec` probe that runs `grpc_health_probe` works. It is reported as information on clusters that have the `grpc`
    /// probe (from Kubernetes 1.24 on).
    ///
    /// ## Why
    /// A gRPC server answers an HTTP/1.1 request with an error, so an `httpGet` probe never succeeds. A
    /// `tcpSocket` probe succeeds as soon as the port is open, even where the server answers no request any more.
    ///
    /// ## Fix
    /// Implement the gRPC health service (most frameworks have it), and ask it. The probe speaks no TLS; a server with
    /// TLS needs a health endpoint on a port of its own.
    ///
    /// ```yaml
    /// readinessProbe:
    ///   grpc:
    ///     port: 50052
    /// ```
    findings: {
        /// A probe asks a gRPC server by HTTP/1.1
        Http: Medium, Likely;
        /// A probe only opens a connection to a gRPC server
        Tcp: Medium, Likely;
        /// A program in the image asks, where the kubelet could
        Program: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Probes, Services, KubernetesVersion],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let has_native = input.setting::<KubernetesVersion>().is_at_least(1, 24);
    let mut is_grpc = false;
    for (container, field, probe) in probe::probes(input) {
        let described = container.described();
        for (handler, settings) in probe.handlers() {
            let command = settings.get("command").item(0);
            if handler == "exec" && has_native && is_health_probe(command.text()) {
                is_grpc = true;
                let message =
                    format!("the `{field}` of {described} runs `{}`, expected a `grpc` probe", command.text());
                findings.report(Code::Program, &command, message);
            }
            let port = settings.get("port");
            let Some(declared) = declared(&container, &port).filter(|declared| speaks_grpc(input, declared)) else {
                continue;
            };
            is_grpc = true;
            let (code, what) = match handler {
                "httpGet" => (Code::Http, "asks it by HTTP/1.1, which it does not answer"),
                "tcpSocket" => (Code::Tcp, "only opens a connection"),
                _ => continue,
            };
            if !settings.get("host").text().is_empty() {
                continue;
            }
            let shown = port.scalar_text().unwrap_or_default();
            let message = format!(
                "the port `{shown}` of {described} speaks gRPC, and the `{field}` {what}; expected a `grpc` probe"
            );
            let number = declared.get("containerPort").as_i64().filter(|_| has_native);
            let fix = number.map(|number| {
                // First what is added, so that the probe is never empty: an empty mapping can only be written as `{}`.
                let fix = Fix::unsafe_("ask by gRPC").set(&probe.get("grpc"), object! { "port": number });
                fix.remove(&settings)
            });
            findings.report(code, &settings, message).label(&declared, "speaks gRPC").fix(fix);
        }
        is_grpc |= container.get("ports").items().any(|port| speaks_grpc(input, &port));
    }
    if is_grpc { Ok(()) } else { not_applicable("no port that is known to speak gRPC is probed") }
}

/// The port of the container that a probe asks.
fn declared<'d>(container: &Container<'d>, port: &View<'_>) -> Option<View<'d>> {
    let port = Port::from_view(port)?;
    container.get("ports").items().find(|declared| port.is(declared))
}

fn speaks_grpc(input: &Input<'_, Parameters>, declared: &View<'_>) -> bool {
    let name = declared.get("name").text();
    let by_name = name == "grpc" || name.starts_with("grpc-") && !name.starts_with("grpc-web");
    by_name
        || serving::services(input).any(|service| {
            service::ports(&service.document).any(|port| {
                port.0.get("appProtocol").text().eq_ignore_ascii_case("grpc")
                    && port.target().is_some_and(|target| target.is(declared))
            })
        })
}

fn is_health_probe(program: &str) -> bool {
    let name = base_name(program);
    name.starts_with("grpc_health_probe") || name.starts_with("grpc-health-probe")
}
