use policy_sdk::kubernetes::mount::{self, MountedConfigs, MountedSetting, Mounts};
use policy_sdk::kubernetes::probe::Probes;
use policy_sdk::kubernetes::service;
use policy_sdk::kubernetes::serving::{Services, services};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::port::{Port, is_port};

policy_sdk::rule! {
    /// Ports in configuration files are those that traffic goes to
    ///
    /// A ConfigMap that exactly one container of the pod mounts, as YAML or JSON, says on which port the container listens:
    /// its `keys`. A Service or a probe sends to that port. Reported is a port that nothing uses, neither a Service, nor a
    /// probe, nor the container's `ports`, while a Service or a probe sends to another one that no setting of the file
    /// mentions. A missing `containerPort` alone is no finding, since it only documents.
    ///
    /// Probes alone count for keys that speak of health. Where variables or arguments of the container speak of a port as
    /// well, they may win over the file, and the rule is not evaluated.
    ///
    /// ## Why
    /// The process listens on one port and traffic goes to another one: connections are refused, or the probe fails and the
    /// container is restarted for ever.
    ///
    /// ## Fix
    /// Let the file and the manifest name the same port:
    ///
    /// ```yaml
    /// # config.yaml of the ConfigMap
    /// server: {port: 50052}
    /// # the container
    /// ports:
    ///   - {name: grpc, containerPort: 50052}
    /// # the Service
    /// ports:
    ///   - {port: 443, targetPort: grpc}
    /// ```
    findings: {
        /// Traffic goes to a port other than the one in the file
        Mismatch: Low, Guess;
    },
    priority: P1,
    effort: Small,
    factor: PortBinding,
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Mounts, MountedConfigs, Probes, Services],
    reads: ["container.env[*].name", "container.command", "container.args"],
    parameters: {
        /// The ends of keys that say on which port the container listens.
        keys: Vec<String> = list([
            "server.port", "http.port", "grpc.port", "port", "http_port", "grpc_port", "health_port", "healthPort",
            "server.health_port", "monitoring.metrics_port",
        ]),
    },
}

/// A port that something sends to.
struct Target<'d> {
    number: i64,
    is_probe: bool,
    said: String,
    service: Option<Related<'d>>,
    place: View<'d>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let containers: Vec<Container<'_>> = workload.containers().collect();
    let mut unknown = None;
    let mut is_any = false;
    for container in workload.main_containers() {
        for mount in mount::mounts(&workload, &container).iter().filter(|mount| mount.source() == "configMap") {
            let name = mount.volume.get("name").text();
            let is_shared = containers.iter().filter(|it| mount::of_volume(it, name).next().is_some()).count() > 1;
            let settings = mount::settings(input, mount);
            let listened: Vec<_> = settings.iter().filter_map(|it| Some((it, port(input, it)?))).collect();
            if is_shared || listened.is_empty() {
                continue;
            }
            is_any = true;
            let targets = targets(input, &workload, &container);
            for (setting, number) in &listened {
                let is_of_health = setting.key.to_ascii_lowercase().contains("health");
                let is_declared = container.get("ports").items().any(|port| Port::Number(*number).is(&port));
                if is_declared || targets.iter().any(|target| target.number == *number) {
                    continue;
                }
                let is_mentioned = |number: i64| settings.iter().any(|it| mentions(it, number));
                let Some(target) =
                    targets.iter().find(|target| (target.is_probe || !is_of_health) && !is_mentioned(target.number))
                else {
                    continue;
                };
                if speaks_of_ports(&container) {
                    unknown = Some("variables or arguments of the container may name its port as well");
                    continue;
                }
                let message = format!(
                    "`{}` of `{}` is {number}, but {} sends to port {} of {}",
                    setting.key,
                    setting.file,
                    target.said,
                    target.number,
                    container.described()
                );
                let report = findings.report(Code::Mismatch, &mount.place.get("name"), message);
                let report = report.label_in(&setting.config, &setting.value, "the port of the file");
                match &target.service {
                    Some(service) => report.label_in(service, &target.place, "it sends here"),
                    None => report.label(&target.place, "it sends here"),
                };
            }
        }
    }
    if !is_any {
        return not_applicable("no container mounts a file of its own that names a port");
    }
    findings.or_unknown(unknown)
}

/// The port that a setting says the container listens on.
fn port(input: &Input<'_, Parameters>, setting: &MountedSetting<'_>) -> Option<i64> {
    let key = &setting.key;
    // A key without an outer one is only that key: `database.port` is the port of something else.
    let is_meant = |end: &String| {
        key == end || end.contains(['.', '_']) && key.strip_suffix(end.as_str()).is_some_and(|rest| rest.ends_with('.'))
    };
    let number = setting.value.scalar_text()?.parse().ok().filter(|number| is_port(*number))?;
    input.parameters.keys.iter().any(is_meant).then_some(number)
}

/// Whether a setting mentions a port, as a number or behind a colon.
fn mentions(setting: &MountedSetting<'_>, number: i64) -> bool {
    let number = number.to_string();
    setting.value.scalar_text().is_some_and(|text| text.split([':', '/', ' ', ',']).any(|part| part == number))
}

/// Whether variables or arguments of a container speak of a port.
fn speaks_of_ports(container: &Container<'_>) -> bool {
    let variables = container.get("env").items().map(|variable| variable.get("name"));
    let words = ["command", "args"].into_iter().flat_map(|list| container.get(list).items());
    variables.chain(words).any(|text| {
        let lower = text.text().to_ascii_lowercase();
        ["port", "listen", "addr", "bind"].iter().any(|word| lower.contains(word))
    })
}

/// The ports of a container that Services and its probes send to.
fn targets<'d>(input: &Input<'d, Parameters>, workload: &Workload<'d>, container: &Container<'d>) -> Vec<Target<'d>> {
    let is_alone = workload.main_containers().count() == 1;
    let declared = |port: Port<'_>| container.get("ports").items().find(|own| port.is(own));
    let number = |port: Port<'_>| match (port, declared(port)) {
        (Port::Number(number), None) if is_alone => Some(number),
        (_, Some(own)) => own.get("containerPort").as_i64(),
        _ => None,
    };
    let mut targets = Vec::new();
    for service in services(input) {
        for port in service::ports(&service.document) {
            if let Some(number) = port.target().and_then(number) {
                let said = format!("Service `{}`", service.name());
                targets.push(Target {
                    number,
                    is_probe: false,
                    said,
                    service: Some(service.clone()),
                    place: port.place(),
                });
            }
        }
    }
    for (field, probe) in container.probes() {
        for (_, handler) in probe.handlers() {
            let place = handler.get("port");
            let named = Port::from_view(&place);
            let number = named.and_then(|port| match port {
                Port::Number(number) => Some(number),
                Port::Name(_) => number(port),
            });
            if let Some(number) = number {
                targets.push(Target { number, is_probe: true, said: format!("`{field}`"), service: None, place });
            }
        }
    }
    targets
}
