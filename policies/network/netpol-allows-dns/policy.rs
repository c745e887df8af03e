use policy_sdk::kubernetes::mention::{self, Mentions};
use policy_sdk::kubernetes::network_policy::{
    self, Direction, End, ForeignPolicies, NamespaceLabels, NetworkPolicies, PodPort, Policy,
};
use policy_sdk::parameter::{Bounded, list};
use policy_sdk::prelude::*;
use policy_sdk::values::cidr::Cidr;
use policy_sdk::values::selector::Answer;

policy_sdk::rule! {
    /// Pods whose egress is restricted reach DNS
    ///
    /// Where NetworkPolicies isolate a workload's pods for egress, the rules of all of them together admit UDP to the
    /// cluster's DNS on one of `dns_ports`: to everybody, to pods of `dns_namespaces` or to one of `dns_addresses`. A
    /// port by name counts if the name begins with `dns`. TCP is needed for long answers, so its absence is reported as
    /// low.
    ///
    /// Where no policy has any egress rule, the pods may be meant to send nothing: that is reported as a mistake if the
    /// pods name hosts in their environment or arguments, or if only a policy for all pods of the namespace isolates
    /// them. Pods on the node's network and those with `dnsPolicy: None` or `Default` do not ask the cluster's DNS.
    /// Where policies of other kinds may admit it (Cilium, Calico, AdminNetworkPolicy), the rule is not evaluated.
    ///
    /// ## Why
    /// A pod that cannot resolve names reaches none of its databases, queues and APIs, whatever else the policies
    /// admit. It waits five seconds for each name and then fails.
    ///
    /// ## Fix
    /// Add a policy that admits DNS for all pods of the namespace:
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: allow-dns}
    /// spec:
    ///   podSelector: {}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - to:
    ///         - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
    ///           podSelector: {matchLabels: {k8s-app: kube-dns}}
    ///       ports:
    ///         - {port: 53, protocol: UDP}
    ///         - {port: 53, protocol: TCP}
    /// ```
    findings: {
        /// Policies restrict what the pods send, and none admits DNS
        NoDns: High, Likely, absence: ["policies"];
        /// A policy for the whole namespace cuts the pods off from everything, DNS included
        CutOff: Medium, Likely, absence: ["policies"];
        /// Their own policy lets the pods send nothing at all
        Silent: Info, Guess, absence: ["policies"];
        /// Policies admit DNS by UDP alone
        NoTcp: Low, Likely, absence: ["policies"];
    },
    priority: P1,
    effort: Small,
    factor: BackingServices,
    peers: ["KY:add-networkpolicy-dns"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [NetworkPolicies, NamespaceLabels, ForeignPolicies, Mentions],
    reads: ["object.metadata.name", "object.status.completionTime", "pod.spec.hostNetwork", "pod.spec.dnsPolicy"],
    parameters: {
        /// The namespaces of the cluster's DNS.
        dns_namespaces: Vec<String> = list(["kube-system", "openshift-dns"]),
        /// The addresses of the cluster's DNS on each node.
        dns_addresses: Vec<String> = list(["169.254.20.10", "169.254.25.10"]),
        /// The ports of the pods of the cluster's DNS.
        dns_ports: Vec<Bounded<1, 65535>> = vec![Bounded::of(53), Bounded::of(5353), Bounded::of(8053)],
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let spec = workload.spec();
    if spec.get("hostNetwork").is_true() {
        return not_applicable("its pods are on the node's network, which policies do not reach");
    }
    if matches!(spec.get("dnsPolicy").text(), "None" | "Default") {
        return not_applicable("its pods do not ask the cluster's DNS");
    }
    if workload.object.at("status.completionTime").exists() {
        return not_applicable("it is done");
    }
    let Some((policy, place)) = network_policy::isolating(input, Direction::Egress) else {
        return not_applicable("no NetworkPolicy isolates the egress of its pods");
    };
    let policies: Vec<Policy<'_>> = network_policy::policies(input).collect();
    let (udp, tcp) = (admits_dns(input, &policies, "UDP"), admits_dns(input, &policies, "TCP"));
    let has_rules = policies.iter().any(|policy| policy.rules(Direction::Egress).next().is_some());
    if udp == Answer::Yes && tcp != Answer::No {
        return Ok(());
    }
    if let Some(other) = network_policy::foreign(input) {
        return not_evaluated(format!("{} `{}` may admit DNS", other.kind(), other.name()));
    }
    if udp == Answer::Unknown {
        return not_evaluated(
            "whether a rule means the namespace of the cluster's DNS depends on labels that are not known",
        );
    }
    let is_general =
        policies.iter().all(|policy| !policy.isolates(Direction::Egress) || policy.0.get("podSelector").is_empty());
    let named = mention::mentions(input).into_iter().next();
    let (code, message) = if udp == Answer::Yes {
        (Code::NoTcp, "policies admit DNS by UDP alone, so its pods get no long answers".to_owned())
    } else if has_rules {
        (
            Code::NoDns,
            "its pods are cut off from DNS: no egress rule that counts for them admits UDP to the cluster's DNS"
                .to_owned(),
        )
    } else if let Some(named) = &named {
        let (container, host) = (named.container.described(), named.host);
        (Code::NoDns, format!("its pods are cut off, DNS included, but {container} names the host `{host}`"))
    } else if is_general {
        let message = format!("the policy `{}` cuts its pods off from everything, DNS included", policy.name());
        (Code::CutOff, message)
    } else {
        (Code::Silent, "its policies let its pods send nothing, not even to DNS".to_owned())
    };
    let report = findings.report(code, &workload.object.at("metadata.name"), message);
    let report = report.label_in(&policy, &place, "this policy isolates its egress");
    if let Some(named) = named.filter(|_| !has_rules) {
        report.label(&named.place, "a host that it names");
    }
    Ok(())
}

/// Whether policies admit a protocol to the cluster's DNS.
fn admits_dns(input: &Input<'_, Parameters>, policies: &[Policy<'_>], protocol: &str) -> Answer {
    let parameters = &input.parameters;
    let addresses =
        parameters.dns_addresses.iter().filter_map(|text| Some(End::Address(Cidr::parse_or_address(text)?)));
    let namespaces = parameters.dns_namespaces.iter().map(|namespace| End::in_namespace(input, namespace));
    let ends: Vec<End<'_>> = namespaces.chain(addresses).collect();
    let rules = policies.iter().flat_map(|policy| policy.rules(Direction::Egress));
    let names: Vec<&str> =
        rules.flat_map(|rule| rule.view.get("ports").items()).map(|port| port.get("port").text()).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| name.starts_with("dns")).collect();
    let ask = |number: &Bounded<1, 65535>, end: &End<'_>| {
        let port = PodPort { number: Some(number.get()), protocol, names: names.clone() };
        // Which labels the pods of DNS have differs; a selector beside the namespace's is taken to mean them.
        network_policy::admits_but_for_pods(policies, Direction::Egress, &input.subject.namespace, end, &port)
    };
    let answers = parameters.dns_ports.iter().flat_map(|port| ends.iter().map(move |end| (port, end)));
    answers.map(|(port, end)| ask(port, end)).max().unwrap_or(Answer::Unknown)
}
