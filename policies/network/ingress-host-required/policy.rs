use policy_sdk::kubernetes::alb;
use policy_sdk::kubernetes::ingress::{self, Controller, IngressClasses, OwnIngress};
use policy_sdk::kubernetes::production::{self, ProductionObject};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Ingresses name their hosts
    ///
    /// Every rule of an Ingress has a host. In production no host is a wildcard, unless `allowed_wildcards` allows it.
    /// A VirtualService of Istio that a Gateway uses does not have the host `*`.
    ///
    /// Exempt are ALBs without a group, which have a load balancer of their own, Ingresses that only have a default
    /// backend, and those that cert-manager makes for a challenge. A route of the Gateway API without host names takes
    /// those of its listener and is not checked.
    ///
    /// ## Why
    /// A rule without a host answers for every name that leads to the controller. It takes over paths of other teams,
    /// and whoever points a domain at the cluster is served.
    ///
    /// ## Fix
    /// Write the host: `rules: [{host: shop.example.com, http: …}]`.
    findings: {
        /// A rule has no host
        Missing: Low, Likely;
        /// A host is a wildcard
        Wildcard: Low, Likely;
    },
    priority: P2,
    effort: Small,
    factor: Security,
    peers: [
        "KY:disallow-empty-ingress-host", "KY:restrict-ingress-wildcard", "KY:restrict-virtual-service-wildcard",
        "GK:block-wildcard-ingress",
    ],
    since: "0.1.0",
    applies_to: ["networking.k8s.io/Ingress", "networking.istio.io/VirtualService"],
    uses: [OwnIngress, IngressClasses, ProductionObject],
    reads: ["spec.hosts", "spec.gateways"],
    parameters: {
        /// Wildcard hosts, as globs, that may be used: `*.preview.example.com`.
        allowed_wildcards: Vec<String> = list([]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.document.get("spec");
    if input.subject.kind == "VirtualService" {
        let is_of_gateway = spec.get("gateways").items().any(|gateway| gateway.text() != "mesh");
        for host in spec.get("hosts").items().filter(|host| host.text() == "*" && is_of_gateway) {
            findings.report(Code::Wildcard, &host, "the host `*` answers for every name that leads to the gateway");
        }
        return Ok(());
    }
    if ingress::is_acme_solver(&input.document.at("metadata.labels")) {
        return not_applicable("cert-manager made it to answer a challenge");
    }
    if spec.get("rules").is_empty() {
        return not_applicable("it only has a default backend");
    }
    let group = input.document.at("metadata.annotations").get(&[alb::PREFIX, "group.name"].concat());
    if ingress::controller(input) == Controller::Alb && !group.exists() {
        return not_applicable("it has a load balancer of its own");
    }
    let is_production = production::is_production_object(input);
    for (at, rule) in spec.get("rules").items().enumerate() {
        let host = rule.get("host");
        if host.text().is_empty() {
            let message =
                format!("rule {} has no host, so it answers for every name that leads to the controller", at + 1);
            findings.report(Code::Missing, &host, message);
        } else if host.text().starts_with('*') && is_production {
            let is_allowed = |glob: &String| glob == host.text() || glob_match(glob, host.text());
            if !input.parameters.allowed_wildcards.iter().any(is_allowed) {
                let message = format!("in production the host `{}` answers for every name below it", host.text());
                findings.report(Code::Wildcard, &host, message);
            }
        }
    }
    Ok(())
}
