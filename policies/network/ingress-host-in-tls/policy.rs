use policy_sdk::kubernetes::ingress::{self, Controller, IngressClasses, OwnIngress};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Every host of an Ingress with TLS has a certificate
    ///
    /// Where `spec.tls` is not empty, each host of `spec.rules` is one of the hosts of an entry, or covered by a
    /// wildcard there, which stands for one label. An entry without hosts is for all of them.
    ///
    /// An ALB looks for certificates by host, and Google's load balancers take certificates by annotation, so Ingresses
    /// of these classes are not checked. An Ingress without any `tls` is a finding of `ingress-tls-required`.
    ///
    /// ## Why
    /// For a host without a certificate the controller answers with its own, which browsers refuse, or serves the host
    /// in plain text beside others that are encrypted.
    ///
    /// ## Fix
    /// Name the host in an entry of `tls`, and let the certificate cover it:
    ///
    /// ```yaml
    /// spec:
    ///   tls:
    ///     - hosts: [shop.example.com, api.shop.example.com]
    ///       secretName: shop-tls
    /// ```
    findings: {
        /// No entry of `tls` is for a host
        Uncovered: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["KY:ingress-host-match-tls"],
    since: "0.1.0",
    applies_to: ["networking.k8s.io/Ingress"],
    uses: [OwnIngress, IngressClasses],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.document.get("spec");
    let tls = spec.get("tls");
    if tls.is_empty() {
        return not_applicable("it has no `tls`");
    }
    if matches!(ingress::controller(input), Controller::Alb | Controller::Gce) {
        return not_applicable("its controller finds certificates in another way");
    }
    if tls.items().any(|entry| entry.get("hosts").is_empty()) {
        return Ok(());
    }
    for host in spec.get("rules").items().map(|rule| rule.get("host")).filter(|host| !host.text().is_empty()) {
        let is_same = |certificate: View<'_>| {
            let of = certificate.text();
            of.eq_ignore_ascii_case(host.text()) || ingress::covers(of, host.text())
        };
        if ingress::tls_hosts(input).any(is_same) {
            continue;
        }
        let hosts: Vec<&str> = ingress::tls_hosts(input).map(|host| host.text()).collect();
        let message =
            format!("no entry of `tls` is for the host `{}`; they are for `{}`", host.text(), hosts.join("`, `"));
        findings.report(Code::Uncovered, &host, message).label(&tls, "the hosts that have a certificate");
    }
    Ok(())
}
