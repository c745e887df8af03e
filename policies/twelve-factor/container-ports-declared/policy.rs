use policy_sdk::prelude::*;
use policy_sdk::values::port::{is_port, is_port_name, protocol};

policy_sdk::rule! {
    /// Declared ports are valid, and their names are distinct
    ///
    /// Each entry of a container's `ports` has a `containerPort` from 1 to 65535. Its name, if it has one, has at most 15
    /// lower-case letters, digits and single dashes, with one letter at least, and no other port of the container has it.
    /// With `require_names`, each port of a container with two or more has a name.
    ///
    /// Two containers of a pod may give the same name to a port each. That is reported as information, since a Service that
    /// names the port reaches the first of them only.
    ///
    /// ## Why
    /// The API server refuses a pod with a port name that is too long, in upper case, or used twice: the
    /// deployment fails, though the file was reviewed and merged. Ports without names are hard to tell apart for
    /// Services, probes and NetworkPolicies, which can all refer to a port by its name.
    ///
    /// ## Fix
    /// Give each port a short name that says what speaks there:
    ///
    /// ```yaml
    /// ports:
    ///   - name: http
    ///     containerPort: 8080
    ///   - name: metrics
    ///     containerPort: 9090
    /// ```
    findings: {
        /// The API server refuses the port's name
        Name: High, Certain;
        /// The API server refuses the port's number, or that it has none
        Number: High, Certain;
        /// Two ports of a container have the same name: the API server refuses that
        Duplicate: High, Certain;
        /// One of several ports has no name
        Unnamed: Low, Certain;
        /// Two containers have a port of the same name
        Shared: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: PortBinding,
    peers: ["KY:require-container-port-names", "KS:container-ports-check", "KL:invalid-target-ports"],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: ["container.ports"],
    parameters: {
        /// Require a name for each port of containers with two or more.
        require_names: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut named: Vec<(Container<'_>, View<'_>)> = Vec::new();
    for container in input.workload().containers() {
        let described = container.described();
        let ports: Vec<View<'_>> = container.get("ports").items().collect();
        for port in &ports {
            judge_number(&described, port, findings);
            let (name, number) = (port.get("name"), port.get("containerPort"));
            let Some(text) = name.as_str().filter(|text| !text.is_empty()) else {
                if input.parameters.require_names && ports.len() > 1 {
                    let number = number.scalar_text().unwrap_or("unknown");
                    let message =
                        format!("port {number} of {described} has no name, and the container has {}", ports.len());
                    findings.report(Code::Unnamed, &name, message);
                }
                continue;
            };
            if !is_port_name(text) {
                let message = format!(
                    "{described} names a port `{text}`: the API server refuses it, expected at most 15 lower-case letters, digits and single dashes, one letter among them"
                );
                findings.report(Code::Name, &name, message);
            }
            let is_own = |other: &Container<'_>| other.pointer() == container.pointer();
            // Nothing is sent to init containers, and a Service distinguishes protocols.
            let meets = |other: &Container<'_>, first: &View<'_>| {
                ![other.class, container.class].contains(&Class::Init) && protocol(first) == protocol(port)
            };
            let same = named.iter().find(|(other, first)| {
                first.get("name").as_str() == Some(text) && (is_own(other) || meets(other, first))
            });
            if let Some((other, first)) = same {
                let (code, message, label) = if is_own(other) {
                    let message = format!("{described} names two ports `{text}`: the API server refuses it");
                    (Code::Duplicate, message, "the first of them")
                } else {
                    let first = other.described();
                    let message = format!(
                        "{described} and {first} both name a port `{text}`: a Service that names it reaches {first} only"
                    );
                    (Code::Shared, message, "the one that is reached")
                };
                findings.report(code, &name, message).label(&first.get("name"), label);
            }
            named.push((container.clone(), port.clone()));
        }
    }
    Ok(())
}

fn judge_number(described: &str, port: &View<'_>, findings: &mut Findings) {
    let number = port.get("containerPort");
    let found = match number.as_i64() {
        Some(value) if is_port(value) => return,
        Some(value) => format!("{described} declares the port {value}"),
        None if number.exists() => return,
        None => format!("{described} declares a port without `containerPort`"),
    };
    findings.report(Code::Number, &number, format!("{found}: the API server refuses it, expected 1 to 65535"));
}
