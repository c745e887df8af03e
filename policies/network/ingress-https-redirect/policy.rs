use policy_sdk::kubernetes::alb::{self, AlbGroup};
use policy_sdk::kubernetes::gateway::{self, GatewayRoutes};
use policy_sdk::kubernetes::ingress::{self, Controller, IngressClasses, OwnIngress};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Plain HTTP is redirected to HTTPS
    ///
    /// An ALB that listens for HTTP and HTTPS redirects: by `ssl-redirect` of one Ingress of its group, by
    /// `sslRedirectPort` of its IngressClassParams, or by an action that redirects. ingress-nginx redirects hosts with
    /// TLS unless an annotation switches it off. Where a Gateway listens for HTTP and HTTPS, the routes of the HTTP
    /// listener redirect, but for those that answer challenges of certificates.
    ///
    /// An Ingress without TLS is a finding of `ingress-tls-required`. Other controllers redirect by configuration of
    /// their own, so the rule is not evaluated there.
    ///
    /// ## Why
    /// Whoever types a host's name or follows an old link stays on plain HTTP, with session cookies that others can
    /// read.
    ///
    /// ## Fix
    /// Redirect on the listener for HTTP:
    ///
    /// ```yaml
    /// # ALB
    /// alb.ingress.kubernetes.io/ssl-redirect: "443"
    /// # Gateway API: an HTTPRoute of the HTTP listener
    /// parentRefs: [{name: public, sectionName: http}]
    /// rules:
    ///   - filters:
    ///       - type: RequestRedirect
    ///         requestRedirect: {scheme: https, statusCode: 301}
    /// ```
    findings: {
        /// An ALB serves plain HTTP beside HTTPS
        Alb: Medium, Likely;
        /// An annotation switches the redirect off
        SwitchedOff: Medium, Likely;
        /// Routes of a Gateway serve plain HTTP beside HTTPS
        Gateway: Medium, Likely, absence: ["gateway_routes"];
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["networking.k8s.io/Ingress", "gateway.networking.k8s.io/Gateway"],
    uses: [OwnIngress, IngressClasses, AlbGroup, GatewayRoutes],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.subject.kind == "Gateway" {
        return judge_gateway(input, findings);
    }
    match ingress::controller(input) {
        Controller::Alb => judge_alb(input, findings),
        Controller::Nginx if input.document.at("spec.tls").is_empty() => not_applicable("it has no TLS"),
        Controller::Nginx => {
            judge_nginx(input, findings);
            Ok(())
        }
        _ => not_evaluated("how its controller redirects is not known"),
    }
}

fn judge_alb(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let alb = alb::alb(input);
    if alb.setting("sslRedirectPort", "ssl-redirect").is_some() {
        return Ok(());
    }
    if let Some(reason) = alb.unknown() {
        return not_evaluated(reason);
    }
    let listeners = alb.listeners();
    if !(listeners.http && listeners.https) {
        return not_applicable("it does not listen for both HTTP and HTTPS");
    }
    if !alb.own_listeners().http {
        // The Ingress of the group that listens for HTTP has the finding.
        return Ok(());
    }
    let annotations = input.document.at("metadata.annotations");
    let redirects = |(key, value): (&str, View<'_>)| {
        let is_action = key.strip_prefix(alb::PREFIX).is_some_and(|name| name.starts_with("actions."));
        let text = value.text().to_ascii_lowercase();
        is_action && text.contains("\"redirect\"") && text.contains("https")
    };
    if annotations.entries().any(redirects) {
        return Ok(());
    }
    let place = alb.own("ssl-redirect");
    let listens = alb.own("listen-ports");
    // Only what is written is known to be there.
    let is_explicit = listens.text().contains("\"HTTPS\"") && listens.text().contains("443") && alb.has_certificate();
    let fix = is_explicit.then(|| Fix::unsafe_("redirect to port 443").set(&place, "443"));
    let message = "the ALB listens for HTTP beside HTTPS and redirects nobody: no `ssl-redirect`";
    let report = findings.report(Code::Alb, &place, message).fix(fix);
    if listens.exists() {
        report.label(&listens, "what it listens for");
    }
    Ok(())
}

fn judge_nginx(input: &Input<'_, Parameters>, findings: &mut Findings) {
    const PREFIX: &str = "nginx.ingress.kubernetes.io/";
    let annotations = input.document.at("metadata.annotations");
    let of = |name: &str| annotations.get(&[PREFIX, name].concat());
    let place = of("ssl-redirect");
    if place.text() == "false" && of("force-ssl-redirect").text() != "true" {
        let message = "`ssl-redirect` is `false`, so the hosts with TLS are served in plain HTTP as well";
        let fix = Fix::unsafe_("drop the annotation").remove(&place);
        findings.report(Code::SwitchedOff, &place, message).fix(fix);
    }
}

fn judge_gateway(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let listeners: Vec<View<'_>> = input.document.at("spec.listeners").items().collect();
    let has = |protocol: &str| listeners.iter().any(|listener| listener.get("protocol").text() == protocol);
    if !(has("HTTP") && has("HTTPS")) {
        return not_applicable("it does not listen for both HTTP and HTTPS");
    }
    for listener in listeners.iter().filter(|listener| listener.get("protocol").text() == "HTTP") {
        let routes: Vec<Related<'_>> = gateway::routes_of_listener(input, listener).collect();
        if routes.iter().any(redirects) {
            continue;
        }
        let solves = |route: &Related<'_>| ingress::is_acme_solver(&route.document.at("metadata.labels"));
        let Some((route, backends)) = routes.iter().filter(|route| !solves(route)).find_map(serves) else { continue };
        let message = format!(
            "the HTTPRoute `{}` serves plain HTTP on the listener `{}`, and no route of it redirects to HTTPS",
            route.name(),
            listener.get("name").text()
        );
        findings.report(Code::Gateway, &listener.get("protocol"), message).label_in(
            &route,
            &backends,
            "served in plain HTTP",
        );
    }
    Ok(())
}

/// Whether a route redirects requests.
fn redirects(route: &Related<'_>) -> bool {
    let mut filters = route.document.at("spec.rules").items().flat_map(|rule| rule.get("filters").items());
    filters.any(|filter| filter.get("type").text() == "RequestRedirect")
}

/// The backends of a route, those that answer challenges apart.
fn serves<'d>(route: &Related<'d>) -> Option<(Related<'d>, View<'d>)> {
    let mut rules = route.document.at("spec.rules").items();
    let rule = rules.find(|rule| !rule.get("backendRefs").is_empty() && !is_challenge(rule))?;
    Some((route.clone(), rule.get("backendRefs")))
}

/// Whether a rule only answers challenges of ACME.
fn is_challenge(rule: &View<'_>) -> bool {
    let matches = rule.get("matches");
    let of_acme = |it: View<'_>| it.at("path.value").text().starts_with("/.well-known/acme-challenge");
    !matches.is_empty() && matches.items().all(of_acme)
}
