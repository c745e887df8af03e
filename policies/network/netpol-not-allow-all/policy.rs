use policy_sdk::kubernetes::network_policy::{self, Direction, OwnPolicy, PolicyRule};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::cidr::Cidr;

policy_sdk::rule! {
    /// NetworkPolicies let through less than everything
    ///
    /// No ingress rule admits everybody on every port: a rule has `from`, or `ports`. Metrics ports that are open to
    /// all namespaces, and ports that are open to all addresses, pass. A policy for all pods of a namespace
    /// (`podSelector: {}`) that admits everything is a known idiom for development: name it in `allow_named`.
    ///
    /// An egress rule that admits everything is reported as low, since such policies are mostly about ingress. An
    /// egress range that holds the address of the cloud's metadata service (`169.254.169.254`, `fd00:ec2::254`)
    /// excludes it in `except`.
    ///
    /// Policies for the pods of `sensitive_labels` have no egress rule to all addresses on all ports.
    ///
    /// ## Why
    /// NetworkPolicies add up: one rule that admits everything makes all other rules for these pods meaningless. A pod
    /// that reaches the metadata service gets the credentials of the node that it runs on.
    ///
    /// ## Fix
    /// Name who may connect, and to what:
    ///
    /// ```yaml
    /// ingress:
    ///   - from: [{podSelector: {matchLabels: {app: web}}}]
    ///     ports: [{port: 8080}]
    /// egress:
    ///   - to: [{ipBlock: {cidr: 0.0.0.0/0, except: [169.254.169.254/32]}}]
    ///     ports: [{port: 443}]
    /// ```
    findings: {
        /// An ingress rule admits everybody on every port
        Ingress: Medium, Certain;
        /// An egress rule admits everything
        Egress: Low, Certain;
        /// An egress range holds the address of the cloud's metadata service
        Metadata: Low, Certain;
        /// An egress range holds the metadata service's address, though not its port
        MetadataPort: Info, Certain;
        /// Pods with sensitive data may send to every address on every port
        Sensitive: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["TR:KSV-0038", "KY:restrict-networkpolicy-empty-podselector", "KC:C-0301"],
    renamed_from: ["egress-metadata-and-internet-limited"],
    since: "0.1.0",
    applies_to: ["networking.k8s.io/NetworkPolicy"],
    uses: [OwnPolicy],
    reads: ["metadata.name"],
    parameters: {
        /// Names of policies that may admit everything to all pods of their namespace.
        allow_named: Vec<String> = list([]),
        /// Labels of pods with sensitive data; policies whose selector demands one of them are about such pods.
        sensitive_labels: Vec<(String, String)> = Vec::new(),
    },
}

/// Where clouds tell pods about their node.
const METADATA: [&str; 2] = ["169.254.169.254/32", "fd00:ec2::254/128"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let policy = network_policy::own(input);
    let name = input.document.at("metadata.name").text();
    let is_of_all = policy.0.get("podSelector").is_empty();
    if is_of_all && input.parameters.allow_named.iter().any(|allowed| allowed == name) {
        return Ok(());
    }
    let admits_all = |rule: &PolicyRule<'_>| rule.admits_all_peers() && rule.admits_all_ports();
    if let Some(rule) = policy.rules(Direction::Ingress).find(admits_all) {
        let pods = if is_of_all { "every pod of the namespace" } else { "its pods" };
        let message = format!("the rule admits everybody to {pods} on every port");
        findings.report(Code::Ingress, &rule.view, message);
    }
    judge_egress(input, &policy.rules(Direction::Egress).collect::<Vec<_>>(), findings);
    Ok(())
}

/// At most one finding, the worst.
fn judge_egress(input: &Input<'_, Parameters>, rules: &[PolicyRule<'_>], findings: &mut Findings) {
    if let Some((key, value)) = sensitive(input)
        && let Some(place) = rules.iter().find_map(to_everywhere)
    {
        let message = format!("pods with the label `{key}: {value}` may send to every address on every port");
        findings.report(Code::Sensitive, &place, message);
        return;
    }
    if let Some(rule) = rules.iter().find(|rule| rule.admits_all_peers() && rule.admits_all_ports()) {
        findings.report(Code::Egress, &rule.view, "the rule lets its pods send to everybody on every port");
        return;
    }
    let found: Vec<(bool, View<'_>)> = rules.iter().filter_map(holding).collect();
    let Some((is_reached, cidr)) = found.iter().find(|(is_reached, _)| *is_reached).or(found.first()) else { return };
    let (code, end) = if *is_reached {
        (Code::Metadata, "")
    } else {
        (Code::MetadataPort, ", though only on ports other than its own")
    };
    let message = format!("`{}` holds the address of the cloud's metadata service{end}", cidr.text());
    findings.report(code, cidr, message);
}

/// A range that holds the address of the metadata service, and whether its port is admitted.
fn holding<'d>(rule: &PolicyRule<'d>) -> Option<(bool, View<'d>)> {
    let (cidr, _) = rule.blocks().find(|(cidr, block)| holds_metadata(cidr, block))?;
    Some((rule.admits_port(&network_policy::PodPort::of(80, "TCP")), cidr))
}

/// The sensitive label that the policy selects by.
fn sensitive<'p>(input: &'p Input<'_, Parameters>) -> Option<&'p (String, String)> {
    let required = network_policy::own(input).0.at("podSelector.matchLabels");
    let mut labels = input.parameters.sensitive_labels.iter();
    labels.find(|(key, value)| required.get(key).as_str() == Some(value))
}

/// Where a rule lets pods send to every address on every port.
fn to_everywhere<'d>(rule: &PolicyRule<'d>) -> Option<View<'d>> {
    if !rule.admits_all_ports() {
        return None;
    }
    let is_any = |cidr: &View<'d>| Cidr::parse(cidr.text()).is_some_and(|range| range.is_any());
    let block = rule.blocks().map(|(cidr, _)| cidr).find(is_any);
    block.or_else(|| rule.admits_all_peers().then(|| rule.view.clone()))
}

fn holds_metadata(cidr: &View<'_>, block: &View<'_>) -> bool {
    let Some(range) = Cidr::parse(cidr.text()) else { return false };
    let except: Vec<Cidr> = block.get("except").items().filter_map(|view| Cidr::parse(view.text())).collect();
    let mut addresses = METADATA.iter().filter_map(|address| Cidr::parse(address));
    addresses.any(|address| range.contains(&address) && !except.iter().any(|except| except.contains(&address)))
}
