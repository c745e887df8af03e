use policy_sdk::kubernetes::beside::{Beside, NetworkPolicy};
use policy_sdk::kubernetes::network_policy::{
    self, AnyNetworkPolicy, Direction, ForeignPolicies, NetworkPolicies, Policy,
};
use policy_sdk::kubernetes::serving::{self, Services};
use policy_sdk::prelude::*;
use policy_sdk::values::selector;

policy_sdk::rule! {
    /// Workloads are selected by a NetworkPolicy
    ///
    /// Some NetworkPolicy of the namespace selects the pods; one for all pods (`podSelector: {}`) counts. Where
    /// those that select them isolate ingress, one has an ingress rule when the workload is long-running and a
    /// Service selects its pods. With `require_egress` one has an egress rule when a container declares a
    /// backing service.
    ///
    /// That is an environment variable whose name has at least two words and ends with `URL`, `URI`,
    /// `DSN`, `HOST`, `ENDPOINT`, `ADDR`, `ADDRESS`, `BROKERS` or `SERVERS`, and whose value has a host
    /// other than its own (`:8080`, `0.0.0.0`, `localhost`); names that say
    /// so (`LISTEN_ADDR`, `PUBLIC_URL`), and those of telemetry (`OTLP_ENDPOINT`), do not count. Pods on the
    /// node's network, which policies do not reach, and Jobs that are done are exempt. Where the namespace or the
    /// cluster has policies of other kinds (Cilium, Calico, AdminNetworkPolicy), it cannot be known.
    ///
    /// ## Why
    /// Where no policy selects a pod everything in the cluster may talk to it and it may talk to
    /// everything: one broken service is enough to reach all others.
    ///
    /// ## Fix
    /// Add a NetworkPolicy with the workload's labels that admits its callers on its ports, and lets
    /// it reach DNS and its backing services. The fix adds one to start from, for what comes in alone: where a Service
    /// sends to the pods it admits everybody on the declared ports, else the namespace. Narrow it down to the callers.
    findings: {
        /// The namespace has NetworkPolicies, and none selects the pods
        Uncovered: Medium, Likely, absence: ["policies"];
        /// The namespace has no NetworkPolicy at all
        None: Low, Likely, absence: ["policies"];
        /// Policies cut the pods off from the Service that sends to them
        NoIngress: Medium, Likely, absence: ["policies"];
        /// No policy lets the pods reach a backing service that they name
        NoEgress: Low, Guess, absence: ["policies"];
    },
    priority: P1,
    effort: Medium,
    factor: BackingServices,
    controls: ["cis:5.3.2", "nsa:network-separation"],
    peers: [
        "KL:non-isolated-pod", "KS:pod-networkpolicy", "PO:missingNetworkPolicy", "KC:C-0260", "KC:C-0030",
        "CK:CKV2_K8S_6", "KY:require-netpol",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [Services, NetworkPolicies, AnyNetworkPolicy, ForeignPolicies, Beside<NetworkPolicy>],
    reads: [
        "object.metadata.name", "object.spec.selector", "object.status.completionTime", "pod.spec.hostNetwork",
        "container.env[*].name", "container.env[*].value",
    ],
    parameters: {
        /// Require an egress rule of workloads that declare backing services.
        require_egress: bool = false,
    },
}

const ADDRESS_WORDS: [&str; 9] = ["URL", "URI", "DSN", "HOST", "ENDPOINT", "ADDR", "ADDRESS", "BROKERS", "SERVERS"];
const OWN_WORDS: [&str; 7] = ["LISTEN", "BIND", "PUBLIC", "BASE", "ROOT", "CALLBACK", "REDIRECT"];
const TELEMETRY_WORDS: [&str; 6] = ["OTLP", "OTEL", "STATSD", "JAEGER", "SENTRY", "ZIPKIN"];
const OWN_ADDRESSES: [&str; 5] = [":", "0.0.0.0", "127.", "localhost", "["];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.spec().get("hostNetwork").is_true() {
        return not_applicable("its pods are on the node's network, which policies do not reach");
    }
    if workload.object.at("status.completionTime").exists() {
        return not_applicable("it is done");
    }
    let policies: Vec<Policy<'_>> = network_policy::policies(input).collect();
    let name = workload.object.at("metadata.name");
    if policies.is_empty() {
        if let Some(other) = network_policy::foreign(input) {
            return not_evaluated(format!("{} `{}` may select its pods", other.kind(), other.name()));
        }
        let fix = new_policy(input);
        match network_policy::any(input) {
            Some(other) => findings
                .report(Code::Uncovered, &name, "no NetworkPolicy of its namespace selects its pods")
                .label_in(&other, &other.document.at("metadata.name"), "selects other pods")
                .fix(fix),
            None => findings.report(Code::None, &name, "its namespace has no NetworkPolicy").fix(fix),
        };
        return Ok(());
    }
    let has_rule = |direction| policies.iter().any(|policy| policy.rules(direction).next().is_some());
    let isolates_ingress = policies.iter().any(|policy| policy.isolates(Direction::Ingress));
    let is_cut_off = isolates_ingress && !has_rule(Direction::Ingress);
    let service = serving::services(input).next();
    if let Some(service) = service.filter(|_| workload.is_long_running() && is_cut_off) {
        let message = format!(
            "Service `{}` sends to its pods, but they are cut off: no NetworkPolicy that selects them has an ingress rule",
            service.name()
        );
        findings.report(Code::NoIngress, &name, message);
    }
    if input.parameters.require_egress
        && !has_rule(Direction::Egress)
        && let Some((container, variable)) = backing_service(&workload)
    {
        let name = variable.get("name").text();
        let message = format!(
            "{container} declares a backing service in `{name}`, but no NetworkPolicy that selects it has an egress rule"
        );
        findings.report(Code::NoEgress, &variable, message);
    }
    Ok(())
}

/// The first variable that names a backing service.
fn backing_service<'d>(workload: &Workload<'d>) -> Option<(String, View<'d>)> {
    workload.containers().find_map(|container| {
        let variable = container.get("env").items().find(names_backing_service)?;
        Some((container.described(), variable))
    })
}

fn names_backing_service(variable: &View<'_>) -> bool {
    let words: Vec<&str> = variable.get("name").text().split('_').collect();
    let value = variable.get("value").text();
    let address = value.split_once("://").map_or(value, |(_, address)| address);
    let is_known = !address.is_empty() && !variable.at("valueFrom").exists();
    words.len() > 1
        && is_known
        && !words.iter().any(|word| TELEMETRY_WORDS.contains(word))
        && words.last().is_some_and(|last| ADDRESS_WORDS.contains(last))
        && !words.iter().any(|word| OWN_WORDS.contains(word))
        && !OWN_ADDRESSES.iter().any(|own| address.starts_with(own))
}

/// A policy to start from, which cuts off no caller that is known: where a Service sends to the pods, its ports stay
/// open for everybody, else for the namespace. What the pods reach is left as it is.
fn new_policy(input: &Input<'_, Parameters>) -> Option<Fix> {
    let workload = input.workload();
    let (own, labels) = (workload.object.at("spec.selector"), workload.pod_labels());
    let pods = if !selector::is_empty(&own) && selector::matches(&own, &labels) {
        object! { ..own.entries() }
    } else {
        object! { "matchLabels": labels }
    };
    if labels.is_empty() || serving::sending_to_undeclared(input).is_some() {
        return None;
    }
    let is_served = serving::services(input).next().is_some();
    let port = |port: View<'_>| {
        let protocol = port.get("protocol").as_str().unwrap_or("TCP");
        object! { "protocol": protocol, "port": port.get("containerPort") }
    };
    let serving = workload.containers().filter(|container| matches!(container.class, Class::Main | Class::Sidecar));
    let ports: Vec<_> = serving.flat_map(|container| container.get("ports").items()).map(port).collect();
    if is_served && ports.is_empty() {
        return None;
    }
    let namespace = (!is_served).then(|| [object! { "podSelector": object! {} }]);
    let ingress = object! { "from": ?namespace, "ports": ?Some(ports).filter(|ports| !ports.is_empty()) };
    let title = match is_served {
        true => "add a NetworkPolicy that admits everybody on its ports, and nobody on others",
        false => "add a NetworkPolicy that admits its namespace alone",
    };
    Beside::<NetworkPolicy>::create(
        input,
        title,
        object! { "podSelector": pods, "policyTypes": ["Ingress"], "ingress": [ingress] },
    )
}
