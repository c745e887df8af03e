use policy_sdk::kubernetes::alb::{self, AlbGroup};
use policy_sdk::kubernetes::ingress::{self, Controller, IngressClasses, OwnIngress};
use policy_sdk::prelude::*;
use policy_sdk::tables::tls_policies::{self, TlsPolicies};

policy_sdk::rule! {
    /// TLS is of version 1.2 or newer
    ///
    /// An ALB with an HTTPS listener has an `ssl-policy` of the table `tlsPolicies`: in an annotation of an Ingress of
    /// its group, or in its IngressClassParams. The same holds for `sslPolicy` of a LoadBalancerConfiguration.
    /// `ssl-protocols` in the ConfigMap of ingress-nginx names neither TLSv1 nor TLSv1.1, and the oldest version of a
    /// TLSOption of Traefik is not one of them; left out, both are right.
    ///
    /// ## Why
    /// TLS 1.0 and 1.1 are broken and no longer allowed by PCI DSS. Without a policy the AWS Load Balancer Controller
    /// chooses `ELBSecurityPolicy-2016-08`, which speaks both, unless it was started with another default.
    ///
    /// ## Fix
    /// Choose a policy with TLS 1.2 and 1.3:
    ///
    /// ```yaml
    /// alb.ingress.kubernetes.io/ssl-policy: ELBSecurityPolicy-TLS13-1-2-2021-06
    /// ```
    findings: {
        /// The policy speaks versions before TLS 1.2
        Old: Medium, Certain;
        /// No policy is chosen, and the controller's default speaks TLS 1.0
        Default: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: [
        "networking.k8s.io/Ingress", "core/ConfigMap", "traefik.io/TLSOption", "traefik.containo.us/TLSOption",
        "gateway.k8s.aws/LoadBalancerConfiguration",
    ],
    uses: [OwnIngress, IngressClasses, AlbGroup, TlsPolicies],
    reads: ["data.ssl-protocols", "spec.minVersion", "spec.listenerConfigurations[*].sslPolicy"],
}

/// What is offered as a cure.
const MODERN: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    match input.subject.kind.as_str() {
        "Ingress" => judge_alb(input, findings),
        "ConfigMap" => judge_nginx(input, findings),
        "TLSOption" => {
            let place = input.document.at("spec.minVersion");
            if let Some(version) = ["VersionTLS10", "VersionTLS11"].into_iter().find(|old| *old == place.text()) {
                let fix = Fix::unsafe_("begin with TLS 1.2").set(&place, "VersionTLS12");
                findings.report(Code::Old, &place, format!("the oldest version is `{version}`")).fix(fix);
            }
            Ok(())
        }
        _ => {
            for listener in input.document.at("spec.listenerConfigurations").items() {
                judge_policy(input, &listener.get("sslPolicy"), None, findings);
            }
            Ok(())
        }
    }
}

fn judge_alb(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if ingress::controller(input) != Controller::Alb {
        return not_applicable("no ALB answers it");
    }
    let alb = alb::alb(input);
    if !alb.listeners().https {
        return not_applicable("it has no HTTPS listener");
    }
    if let Some(place) = alb.setting("sslPolicy", "ssl-policy") {
        judge_policy(input, &place.view, place.of.as_ref(), findings);
        return Ok(());
    }
    if let Some(reason) = alb.unknown() {
        return not_evaluated(reason);
    }
    let place = alb.own("ssl-policy");
    let message = "no `ssl-policy`, so the ALB gets `ELBSecurityPolicy-2016-08`, which speaks TLS 1.0 and 1.1";
    let fix = Fix::unsafe_("speak TLS 1.2 and 1.3").set(&place, MODERN);
    findings.report(Code::Default, &place, message).fix(fix);
    Ok(())
}

/// Reports a policy that is old, at the Ingress where another document says it.
fn judge_policy(input: &Input<'_, Parameters>, policy: &View<'_>, of: Option<&Related<'_>>, findings: &mut Findings) {
    let name = policy.text();
    if name.is_empty() || tls_policies::is_modern(&input.setting::<TlsPolicies>().rows, name) {
        return;
    }
    let message = format!("the policy `{name}` speaks versions before TLS 1.2");
    match of {
        // Each Ingress of a group would tell it again: the one that says it does.
        Some(other) if other.kind() == "Ingress" => {}
        Some(other) => {
            findings.report(Code::Old, &input.document.at("spec.ingressClassName"), message).label_in(
                other,
                policy,
                "the policy",
            );
        }
        None => {
            let fix = Fix::unsafe_("speak TLS 1.2 and 1.3").set(policy, MODERN);
            findings.report(Code::Old, policy, message).fix(fix);
        }
    }
}

/// The ConfigMap of ingress-nginx.
fn judge_nginx(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let place = input.document.at("data.ssl-protocols");
    if !place.exists() {
        return not_applicable("it sets no versions of TLS");
    }
    let old: Vec<&str> =
        place.text().split_whitespace().filter(|it| matches!(*it, "TLSv1" | "TLSv1.1" | "TLSv1.0" | "SSLv3")).collect();
    if !old.is_empty() {
        let message = format!("`ssl-protocols` names {}", old.join(" and "));
        let fix = Fix::unsafe_("speak TLS 1.2 and 1.3").set(&place, "TLSv1.2 TLSv1.3");
        findings.report(Code::Old, &place, message).fix(fix);
    }
    Ok(())
}
