use policy_sdk::kubernetes::service::{self, Exposures, OwnService, ServedWorkloads, ServicePort};
use policy_sdk::prelude::*;
use policy_sdk::values::credential::is_interpolation;
use policy_sdk::values::port::protocol;

policy_sdk::rule! {
    /// Services send to ports that their pods have
    ///
    /// A `targetPort` that is a name is the name of a port, with the same protocol, of a main container or sidecar of at
    /// least one workload that the Service selects. A number works undeclared. But where a Service has one port and no
    /// `targetPort`, and each of its workloads declares one port, these are the same number. With
    /// `numeric_must_be_declared` every number is one that some workload declares.
    ///
    /// Not checked are Services without a selector, those of which no workload is known, and names that a mesh may
    /// add to the pods: with the image `auto`, for which Istio puts its own, and Istio's and Linkerd's own ports.
    ///
    /// ## Why
    /// A Service with a name that no pod has is accepted and has no endpoint for that port. Every connection to it is
    /// refused, while all pods are ready.
    ///
    /// ## Fix
    /// Name the port of the container, and use that name:
    ///
    /// ```yaml
    /// # Deployment
    /// ports: [{name: http, containerPort: 8080}]
    /// # Service
    /// ports: [{port: 80, targetPort: http}]
    /// ```
    findings: {
        /// No pod that the Service selects has a port of the name
        Name: High, Certain, absence: ["served_workloads"];
        /// A number in quotes: the API server refuses it, since a name needs a letter
        QuotedNumber: High, Certain;
        /// The Service sends to its own number, and its pods declare another
        Number: Medium, Likely, absence: ["served_workloads"];
        /// No pod that the Service selects declares the number
        Undeclared: Info, Guess;
    },
    priority: P1,
    effort: Small,
    factor: PortBinding,
    since: "0.1.0",
    applies_to: ["core/Service"],
    uses: [OwnService, ServedWorkloads, Exposures],
    parameters: {
        /// Numbers must be declared as well as names.
        numeric_must_be_declared: bool = false,
    },
}

/// What Istio and Linkerd call ports that they add.
const ADDED: [&str; 3] = ["http-envoy-prom", "linkerd-proxy", "linkerd-admin"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let ports: Vec<ServicePort<'_>> = service::own_ports(input).collect();
    let workloads: Vec<Related<'_>> = service::workloads(input).collect();
    let mut unknown = None;
    for port in &ports {
        let target = port.0.get("targetPort");
        if let Some(name) = target.as_str() {
            if !name.bytes().any(|byte| byte.is_ascii_alphabetic()) {
                judge_quoted(name, &target, findings);
            } else if !workloads.is_empty() && service::has_selector(input) {
                unknown = judge_name(input, name, port, &workloads, findings).or(unknown);
            }
        }
    }
    if input.document.at("spec.type").text() == "ExternalName" || !service::has_selector(input) {
        return if findings.is_empty() { not_applicable("it selects no pods") } else { Ok(()) };
    }
    if workloads.is_empty() {
        return if findings.is_empty() {
            not_applicable("it selects the pods of no workload that is known")
        } else {
            Ok(())
        };
    }
    judge_numbers(input, &ports, &workloads, findings);
    match unknown.filter(|_| findings.is_empty()) {
        Some(reason) => not_evaluated(reason),
        None => Ok(()),
    }
}

fn judge_quoted(name: &str, target: &View<'_>, findings: &mut Findings) {
    let number = name.parse::<u16>().ok().filter(|number| *number > 0);
    let fix = number.map(|number| Fix::safe("drop the quotes").set(target, i64::from(number)));
    let message = format!("`targetPort` is `{name}` in quotes, a name without a letter: the API server refuses it");
    findings.report(Code::QuotedNumber, target, message).fix(fix);
}

/// Reports a name that no workload has; the reason where that cannot be known.
fn judge_name(
    input: &Input<'_, Parameters>,
    name: &str,
    port: &ServicePort<'_>,
    workloads: &[Related<'_>],
    findings: &mut Findings,
) -> Option<String> {
    let all = || workloads.iter().flat_map(|workload| declared(workload).map(move |port| (workload, port)));
    let same_name = |declared: &View<'_>| declared.get("name").as_str() == Some(name);
    if all().any(|(_, declared)| same_name(&declared) && protocol(&declared) == protocol(&port.0)) {
        return None;
    }
    if is_interpolation(name) {
        return Some("the name of a port is filled in elsewhere".into());
    }
    if ADDED.contains(&name) || workloads.iter().any(|workload| containers(workload).any(|it| it.image() == "auto")) {
        return Some("a mesh may add the port to the pods".into());
    }
    let other = all().find(|(_, declared)| same_name(declared));
    let names: Vec<&str> = all().map(|(_, declared)| declared.get("name").text()).filter(|it| !it.is_empty()).collect();
    let (what, place) = match (&other, workloads.first()?) {
        (Some((workload, declared)), _) => {
            (format!("; {} `{}` has it for {}", workload.kind(), workload.name(), protocol(declared)), other.clone())
        }
        (None, _) if names.is_empty() => ("; none of their ports has a name".to_owned(), all().next()),
        (None, _) => (format!("; they are called `{}`", names.join("`, `")), all().next()),
    };
    let target = port.place();
    let message = format!(
        "no pod that it selects has a port `{name}` for {}{what}: connections to it are refused",
        protocol(&port.0)
    );
    let fix = match names.as_slice() {
        [only] if other.is_none() => Some(Fix::unsafe_(format!("send to `{only}`")).set(&target, *only)),
        _ => None,
    };
    let mut report = findings.report(Code::Name, &target, message).fix(fix);
    for (by, named) in service::exposures(input) {
        report = report.label_in(&by, &named, "it sends to this Service");
    }
    match place {
        Some((workload, declared)) => report.label_in(workload, &declared, "a port that they have"),
        None => report.label_in(&workloads[0], &workloads[0].workload().spec().get("containers"), "they have no ports"),
    };
    None
}

fn judge_numbers(
    input: &Input<'_, Parameters>,
    ports: &[ServicePort<'_>],
    workloads: &[Related<'_>],
    findings: &mut Findings,
) {
    let numbers: Vec<i64> =
        workloads.iter().flat_map(declared).filter_map(|port| port.get("containerPort").as_i64()).collect();
    for port in ports {
        let target = port.0.get("targetPort");
        let is_own = !target.exists() || target.as_i64() == Some(0);
        let number = if is_own { port.number() } else { target.as_i64() };
        let Some(number) = number.filter(|number| !numbers.contains(number)) else { continue };
        let only: Vec<View<'_>> = workloads.iter().flat_map(declared).collect();
        let is_clear = ports.len() == 1
            && workloads.iter().all(|workload| declared(workload).count() == 1)
            && numbers.iter().all(|other| Some(other) == numbers.first())
            && only.iter().all(|declared| protocol(declared) == protocol(&port.0));
        if let Some((other, declared)) = numbers.first().zip(only.first()).filter(|_| is_own && is_clear) {
            let message = format!("it has no `targetPort` and sends to {number}, but its pods declare {other}");
            let fix = Fix::unsafe_(format!("send to {other}")).set(&target, *other);
            let report = findings.report(Code::Number, &port.place(), message).fix(fix);
            report.label_in(&workloads[0], declared, "the only port that they declare");
        } else if input.parameters.numeric_must_be_declared {
            let message = format!("it sends to {number}, which no pod that it selects declares");
            findings.report(Code::Undeclared, &port.place(), message);
        }
    }
}

/// The containers that a Service can send to.
fn containers<'d>(workload: &Related<'d>) -> impl Iterator<Item = Container<'d>> + use<'d> {
    workload.workload().containers().filter(|container| matches!(container.class, Class::Main | Class::Sidecar))
}

fn declared<'d>(workload: &Related<'d>) -> impl Iterator<Item = View<'d>> + use<'d> {
    containers(workload).flat_map(|container| container.get("ports").items().collect::<Vec<_>>())
}
