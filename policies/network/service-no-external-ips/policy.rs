use policy_sdk::kubernetes::service::OwnService;
use policy_sdk::prelude::*;
use policy_sdk::values::cidr::Cidr;

policy_sdk::rule! {
    /// Services claim no external IP addresses
    ///
    /// `spec.externalIPs` is empty, or holds only addresses of `allowed_ips`.
    ///
    /// ## Why
    /// Every node sends traffic for these addresses to the Service, and nobody checks whose they are. Whoever may
    /// create a Service can so intercept what pods send to any address, that of another Service or of a site on the
    /// internet (CVE-2020-8554).
    ///
    /// ## Fix
    /// Use `type: LoadBalancer`, an Ingress or a Gateway. Where nodes must answer for addresses of their own network,
    /// list these in `allowed_ips`.
    findings: {
        /// The Service claims an address that is not allowed
        Claimed: High, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["TR:KSV-0108", "KY:restrict-service-external-ips", "GK:externalip"],
    since: "0.1.0",
    applies_to: ["core/Service"],
    uses: [OwnService],
    reads: ["spec.externalIPs"],
    parameters: {
        /// Addresses that may be claimed, and ranges of them: `203.0.113.7`, `203.0.113.0/24`.
        allowed_ips: Vec<String> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let list = input.document.at("spec.externalIPs");
    let allowed: Vec<Cidr> =
        input.parameters.allowed_ips.iter().filter_map(|text| Cidr::parse_or_address(text)).collect();
    let is_allowed = |address: &str| {
        Cidr::parse_or_address(address).is_some_and(|address| allowed.iter().any(|range| range.contains(&address)))
    };
    let claimed: Vec<View<'_>> = list.items().filter(|address| !is_allowed(address.text())).collect();
    let Some(first) = claimed.first() else { return Ok(()) };
    let others = match claimed.len() - 1 {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    let message =
        format!("it claims the address {}{others}: every node sends what is for it to its pods", first.text());
    findings.report(Code::Claimed, first, message);
    Ok(())
}
