use policy_sdk::kubernetes::alb::{self, Alb, AlbGroup};
use policy_sdk::kubernetes::ingress::{self, Controller, IngressClasses, OwnIngress};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Ingresses serve HTTPS
    ///
    /// An Ingress has an entry in `spec.tls`; without `secretName` it is the controller's own certificate. In place of
    /// it count what controllers have of their own: a certificate or an HTTPS listener of an ALB, its group or its
    /// IngressClassParams; Google's managed, pre-shared and mapped certificates; `router.tls` and a secure entry point
    /// of Traefik; certificates of Azure's Application Gateway; `tls-passthrough`; the termination of an OpenShift
    /// route.
    ///
    /// Classes of `tls_terminated_in_front` (a mesh, a tunnel, a load balancer with the certificate) and challenges of
    /// cert-manager are exempt. An ALB is internal unless it says that it is not.
    ///
    /// ## Why
    /// Passwords, cookies and data cross the network in plain text. Whoever is on the way reads them and changes what
    /// users get.
    ///
    /// ## Fix
    /// Let cert-manager make a certificate, or name one of ACM:
    ///
    /// ```yaml
    /// metadata:
    ///   annotations:
    ///     cert-manager.io/cluster-issuer: letsencrypt
    ///     # ALB:
    ///     # alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'
    ///     # alb.ingress.kubernetes.io/certificate-arn: <arn>
    ///     # alb.ingress.kubernetes.io/ssl-redirect: "443"
    /// spec:
    ///   tls:
    ///     - hosts: [shop.example.com]
    ///       secretName: shop-tls
    /// ```
    findings: {
        /// A host is served in plain HTTP
        Plain: High, Likely;
        /// A host of an internal load balancer, controller or domain is served in plain HTTP
        PlainInside: Medium, Likely;
        /// Nothing says which controller answers, so it may have a certificate of its own
        Unclear: Medium, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["PO:tlsSettingsMissing", "KC:C-0263", "KY:require-ingress-https", "GK:httpsonly"],
    since: "0.1.0",
    applies_to: ["networking.k8s.io/Ingress"],
    uses: [OwnIngress, IngressClasses, AlbGroup],
    reads: ["metadata.name", "metadata.labels"],
    parameters: {
        /// Take an HTTPS listener of an ALB without a certificate for one whose certificate the controller finds by
        /// host.
        accept_alb_discovery: bool = true,
        /// Classes, as globs, in front of which something else terminates TLS.
        tls_terminated_in_front: Vec<String> = list(["istio", "cloudflare-tunnel", "tailscale", "ngrok"]),
    },
}

/// Annotations that bring a certificate or hand TLS through, whatever the class.
const CERTIFICATES: [&str; 14] = [
    "appgw.ingress.kubernetes.io/appgw-ssl-certificate",
    "appgw.ingress.kubernetes.io/appgw-ssl-certificate-name",
    "haproxy.org/ssl-passthrough",
    "haproxy-ingress.github.io/ssl-passthrough",
    "ingress.gcp.kubernetes.io/pre-shared-cert",
    "ingress.kubernetes.io/ssl-passthrough",
    "kubernetes.azure.com/tls-cert-keyvault-uri",
    "networking.gke.io/certmap",
    "networking.gke.io/managed-certificates",
    "nginx.ingress.kubernetes.io/ssl-passthrough",
    "route.openshift.io/termination",
    "traefik.ingress.kubernetes.io/router.tls",
    "traefik.ingress.kubernetes.io/router.tls.certresolver",
    "traefik.ingress.kubernetes.io/router.tls.options",
];

/// Domains that are never those of the internet.
const LOCAL: [&str; 6] = ["home", "internal", "lan", "local", "localhost", "test"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let metadata = input.document.get("metadata");
    let class = ingress::class(input);
    if ingress::is_acme_solver(&metadata.get("labels")) {
        return not_applicable("cert-manager made it to answer a challenge");
    }
    if input.parameters.tls_terminated_in_front.iter().any(|glob| glob_match(glob, class.text())) {
        return not_applicable("TLS is terminated in front of its controller");
    }
    let annotations = metadata.get("annotations");
    let is_set = |key: &&str| annotations.get(key).as_str().is_some_and(|value| !matches!(value, "" | "false"));
    let tls = input.document.at("spec.tls");
    let entrypoints = annotations.get("traefik.ingress.kubernetes.io/router.entrypoints").text();
    let is_secure = entrypoints.contains("secure") || entrypoints.contains("https");
    if !tls.is_empty() || is_secure || CERTIFICATES.iter().any(is_set) {
        return Ok(());
    }
    let controller = ingress::controller(input);
    let host =
        input.document.at("spec.rules").items().map(|rule| rule.get("host").text()).find(|host| !host.is_empty());
    let served = host.map_or("it is".to_owned(), |host| format!("`{host}` is"));
    let (code, message) = if controller == Controller::Alb {
        let alb = alb::alb(input);
        if has_https(&alb, input.parameters.accept_alb_discovery) {
            return Ok(());
        }
        if let Some(reason) = alb.unknown() {
            return not_evaluated(reason);
        }
        let (code, which) =
            if alb.is_internal() { (Code::PlainInside, "internal ALB") } else { (Code::Plain, "public ALB") };
        let listens = if alb.listeners().https { "has no certificate" } else { "has no HTTPS listener" };
        (code, format!("{served} served in plain HTTP: the {which} {listens}"))
    } else if controller == Controller::Unknown {
        (
            Code::Unclear,
            format!("{served} served in plain HTTP unless the controller of the default class adds TLS: no `tls`"),
        )
    } else {
        let is_inside = class.text().split('-').any(|part| matches!(part, "internal" | "private")) || is_local(input);
        let code = if is_inside { Code::PlainInside } else { Code::Plain };
        (code, format!("{served} served in plain HTTP: the Ingress has no `tls`"))
    };
    findings.report(code, &tls, message);
    Ok(())
}

/// Whether all hosts are names that only a private network or one machine knows.
fn is_local(input: &Input<'_, Parameters>) -> bool {
    let mut hosts = input.document.at("spec.rules").items().map(|rule| rule.get("host").text()).peekable();
    let is_one = |host: &str| LOCAL.iter().any(|domain| host.rsplit('.').next() == Some(*domain));
    hosts.peek().is_some() && hosts.all(is_one)
}

fn has_https(alb: &Alb<'_>, by_discovery: bool) -> bool {
    alb.has_certificate() || by_discovery && alb.listeners().https
}
