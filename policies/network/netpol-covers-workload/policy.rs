use policy_sdk::prelude::*;
use policy_sdk::selector;
use policy_sdk::write::Raw;

policy_sdk::rule! {
    /// Workloads have a NetworkPolicy of their own
    ///
    /// Some NetworkPolicy of the namespace with a podSelector that is not empty matches the pod
    /// labels. One of those has an ingress rule when the workload is long-running and a Service
    /// selects its pods, and an egress rule when a container declares a backing service.
    ///
    /// That is an environment variable whose name has at least two words and ends with `URL`, `URI`,
    /// `DSN`, `HOST`, `ENDPOINT`, `ADDR`, `ADDRESS`, `BROKERS` or `SERVERS`, and whose value, as far as it is
    /// written, is not an address of its own (`:8080`, `0.0.0.0`, `localhost`); names that say
    /// so (`LISTEN_ADDR`, `PUBLIC_URL`) do not count. Pods on the node's network, which policies do
    /// not reach, are exempt. Policies of other kinds (Cilium, AdminNetworkPolicy) are not seen.
    ///
    /// ## Why
    /// Where no policy selects a pod everything in the cluster may talk to it and it may talk to
    /// everything: one broken service is enough to reach all others.
    ///
    /// ## Fix
    /// Add a NetworkPolicy with the workload's labels that admits its callers on its ports, and lets
    /// it reach DNS and its backing services.
    severity: High,
    priority: P1,
    effort: Medium,
    factor: "IV Backing services",
    controls: ["cis:5.3.2", "nsa:network-separation"],
    aliases: [
        "KL:non-isolated-pod", "KS:pod-networkpolicy", "PO:missingNetworkPolicy", "KC:C-0260", "KC:C-0030",
        "CK:CKV2_K8S_6", "KY:require-netpol",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "object.spec.selector", "pod.metadata.labels", "pod.spec.hostNetwork",
        "main_container.ports[*].containerPort", "main_container.ports[*].protocol",
        "container.env[*].name", "container.env[*].value",
    ],
    inventory: {
        policies: {
            kinds: ["networking.k8s.io/NetworkPolicy"],
            scope: "namespace",
            relation: selects { there: "spec.podSelector", here: "pod.metadata.labels" },
            reads: ["spec.podSelector", "spec.ingress", "spec.egress"],
        },
        beside: {
            kinds: ["networking.k8s.io/NetworkPolicy"],
            scope: "namespace",
            relation: same { there: "metadata.name", here: "object.metadata.name" },
            reads: [],
        },
        services: {
            kinds: ["core/Service"],
            scope: "namespace",
            relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
            reads: [],
        },
    },
    parameters: {
        /// Require an egress rule of workloads that declare backing services.
        require_egress: bool = true,
    },
}

const ADDRESS_WORDS: [&str; 9] = ["URL", "URI", "DSN", "HOST", "ENDPOINT", "ADDR", "ADDRESS", "BROKERS", "SERVERS"];
const OWN_WORDS: [&str; 7] = ["LISTEN", "BIND", "PUBLIC", "BASE", "ROOT", "CALLBACK", "REDIRECT"];
const OWN_ADDRESSES: [&str; 5] = [":", "0.0.0.0", "127.", "localhost", "["];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    if workload.spec().get("hostNetwork").is_true() {
        return not_applicable("its pods are on the node's network, which policies do not reach");
    }
    let policies: Vec<View<'_>> = input
        .related("policies")
        .map(|policy| policy.document.get("spec"))
        .filter(|spec| !selector::is_empty(&spec.get("podSelector")))
        .collect();
    if policies.is_empty() {
        let message = "no NetworkPolicy of its own selects its pods";
        findings.report(&workload.object, message).code("none").fix(policy(input));
        return Ok(());
    }
    let has_rule = |direction| policies.iter().any(|spec| !spec.get(direction).is_empty());
    let service = input.related("services").next();
    if let Some(service) = service.filter(|_| workload.is_long_running() && !has_rule("ingress")) {
        let message = format!(
            "Service `{}` selects its pods, but no NetworkPolicy of its own has an ingress rule",
            service.name()
        );
        findings.report(&workload.object, message).code("no-ingress");
    }
    if input.parameters.require_egress
        && !has_rule("egress")
        && let Some((container, variable)) = backing_service(&workload)
    {
        let name = variable.get("name").text();
        let message = format!(
            "{container} declares a backing service in `{name}`, but no NetworkPolicy of its own has an egress rule"
        );
        findings.report(&variable, message).code("no-egress");
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
    words.len() > 1
        && words.last().is_some_and(|last| ADDRESS_WORDS.contains(last))
        && !words.iter().any(|word| OWN_WORDS.contains(word))
        && !OWN_ADDRESSES.iter().any(|own| address.starts_with(own))
}

/// A policy to start from: the namespace may reach its ports, it may reach DNS and the namespace.
fn policy(input: &Input<'_, Parameters>) -> Option<Fix> {
    let workload = input.workload();
    let (own, labels) = (workload.object.at("spec.selector"), workload.pod_labels());
    let pods = if !selector::is_empty(&own) && selector::matches(&own, &labels) {
        Raw(own.to_json())
    } else {
        object! { "matchLabels": labels }
    };
    if labels.is_empty() {
        return None;
    }
    let namespace = || [object! { "podSelector": object! {} }];
    let port = |port: View<'_>| {
        let protocol = port.get("protocol").as_str().unwrap_or("TCP");
        object! { "protocol": protocol, "port": port.get("containerPort") }
    };
    let ports: Vec<Raw> =
        workload.main_containers().flat_map(|container| container.get("ports").items()).map(port).collect();
    let ingress = if ports.is_empty() {
        object! { "from": namespace() }
    } else {
        object! { "from": namespace(), "ports": ports }
    };
    let dns = object! {
        "namespaceSelector": object! { "matchLabels": object! { "kubernetes.io/metadata.name": "kube-system" } },
        "podSelector": object! { "matchLabels": object! { "k8s-app": "kube-dns" } },
    };
    let dns_ports = ["UDP", "TCP"].map(|protocol| object! { "protocol": protocol, "port": 53 });
    Some(Fix::create(
        "add a NetworkPolicy that admits its namespace on its ports and lets it reach DNS and its namespace",
        object! {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": input.metadata_beside("beside")?,
            "spec": object! {
                "podSelector": pods,
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [ingress],
                "egress": [object! { "to": [dns], "ports": dns_ports }, object! { "to": namespace() }],
            },
        },
    ))
}
