use policy_sdk::kubernetes::service::{self, OwnService};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::settings::{CloudProvider, Provider};
use policy_sdk::tables::internal_balancers::{self, InternalBalancers};
use policy_sdk::values::cidr::Cidr;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Load balancers of Services are internal, or open to some addresses
    ///
    /// A Service of the type LoadBalancer has an annotation that makes the load balancer internal (the table
    /// `internalBalancers`), or names the addresses that may connect, in `spec.loadBalancerSourceRanges` or its
    /// annotation, and not all addresses.
    ///
    /// The rule is sure where the load balancer is known to be public: `aws-load-balancer-scheme: internet-facing`, or
    /// a cloud whose load balancers are public by default, by the Service's other annotations or the setting
    /// `cloudProvider`. The AWS Load Balancer Controller makes internal ones by default. Elsewhere (MetalLB, kube-vip,
    /// a cloud that nobody names) it is a guess.
    ///
    /// Ingress controllers and gateways are exempt on the ports 80 and 443, as are the namespaces of
    /// `allowed_namespaces`: they are there to be reached.
    ///
    /// ## Why
    /// A database or an administration page behind a public load balancer is found by scanners of the internet within
    /// minutes. There is no Ingress in front of it with TLS, authentication and a log.
    ///
    /// ## Fix
    /// Make it internal, or say who may connect:
    ///
    /// ```yaml
    /// metadata:
    ///   annotations:
    ///     service.beta.kubernetes.io/aws-load-balancer-scheme: internal
    ///     # networking.gke.io/load-balancer-type: Internal
    ///     # service.beta.kubernetes.io/azure-load-balancer-internal: "true"
    /// spec:
    ///   loadBalancerSourceRanges: [203.0.113.0/24]
    /// ```
    findings: {
        /// A public load balancer is open to all addresses
        Public: High, Likely;
        /// A load balancer may be public, and is open to all addresses
        Open: Info, Guess;
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: [
        "KL:exposed-services", "KC:C-0256", "KY:restrict-loadbalancer", "KY:require-encryption-aws-loadbalancers",
        "GK:block-loadbalancer-services",
    ],
    since: "0.1.0",
    applies_to: ["core/Service"],
    uses: [OwnService, InternalBalancers, CloudProvider],
    reads: [
        "metadata.name", "metadata.labels", "metadata.annotations", "spec.loadBalancerSourceRanges",
        "spec.loadBalancerClass",
    ],
    parameters: {
        /// Namespaces, as globs, whose load balancers may be public.
        allowed_namespaces: Vec<String> = list([
            "ingress", "ingress-*", "*-ingress", "istio-*", "traefik", "gateway-*",
        ]),
        /// Words in the names and labels of Services of ingress controllers and gateways.
        gateways: Vec<String> = list([
            "ingress", "gateway", "traefik", "envoy", "contour", "kong", "haproxy", "nginx", "ambassador", "emissary",
            "apisix", "caddy",
        ]),
    },
}

/// Annotations that hold the addresses that may connect.
const RANGES: [&str; 3] = [
    "service.beta.kubernetes.io/load-balancer-source-ranges",
    "service.beta.kubernetes.io/azure-allowed-ip-ranges",
    "service.beta.kubernetes.io/azure-allowed-service-tags",
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let kind = input.document.at("spec.type");
    if kind.text() != "LoadBalancer" {
        return not_applicable("it is not of the type LoadBalancer");
    }
    let namespace = &input.subject.namespace;
    if input.parameters.allowed_namespaces.iter().any(|glob| glob_match(glob, namespace)) {
        return not_applicable("load balancers of its namespace may be public");
    }
    if is_gateway(input) {
        return not_applicable("it is the way into the cluster");
    }
    let annotations = input.document.at("metadata.annotations");
    if internal_balancers::is_internal(&input.setting::<InternalBalancers>().rows, &annotations) || is_limited(input) {
        return Ok(());
    }
    let (code, message) = match public_by(input) {
        Known::Internal => return Ok(()),
        Known::Public(why) => (Code::Public, format!("{why}, and its load balancer is open to every address")),
        Known::Nothing => (
            Code::Open,
            "its load balancer is open to every address, and public unless the cluster has no public ones".into(),
        ),
    };
    findings.report(code, &kind, message);
    Ok(())
}

/// An ingress controller or a gateway, on the ports of the web.
fn is_gateway(input: &Input<'_, Parameters>) -> bool {
    let metadata = input.document.get("metadata");
    let labels = metadata.get("labels");
    let texts =
        ["app", "app.kubernetes.io/name", "app.kubernetes.io/component", "istio"].map(|key| labels.get(key).text());
    let words = &input.parameters.gateways;
    let is_named = |text: &str| {
        text.split(['-', '.', '_']).any(|part| words.iter().any(|word| part == word || part.starts_with(&**word)))
    };
    let is_called = is_named(metadata.get("name").text()) || texts.into_iter().any(is_named);
    let is_generated = labels.get("gateway.networking.k8s.io/gateway-name").exists();
    let mut ports = service::own_ports(input).filter_map(|port| port.number());
    (is_called || is_generated) && ports.any(|port| matches!(port, 80 | 443))
}

/// Whether it names who may connect, and that is not everybody.
fn is_limited(input: &Input<'_, Parameters>) -> bool {
    let annotations = input.document.at("metadata.annotations");
    let field = input.document.at("spec.loadBalancerSourceRanges");
    let of_field = field.items().map(|range| range.text());
    let of_annotations = RANGES.iter().flat_map(|key| annotations.get(key).text().split(','));
    let mut ranges = of_field.chain(of_annotations).map(str::trim).filter(|text| !text.is_empty()).peekable();
    ranges.peek().is_some() && !ranges.any(|text| Cidr::parse(text).is_some_and(|range| range.is_any()))
}

/// What is known of a load balancer that no annotation makes internal.
enum Known {
    Internal,
    Public(&'static str),
    Nothing,
}

fn public_by(input: &Input<'_, Parameters>) -> Known {
    const AWS: &str = "service.beta.kubernetes.io/aws-load-balancer-";
    let annotations = input.document.at("metadata.annotations");
    let aws = |name: &str| annotations.get(&[AWS, name].concat()).text();
    let has = |prefixes: &[&str]| annotations.entries().any(|(key, _)| prefixes.iter().any(|it| key.starts_with(it)));
    let class = input.document.at("spec.loadBalancerClass").text();
    if aws("scheme") == "internet-facing" {
        return Known::Public("it is annotated `internet-facing`");
    }
    let is_of_controller = matches!(class, "service.k8s.aws/nlb" | "eks.amazonaws.com/nlb")
        || matches!(aws("type"), "external" | "nlb-ip");
    if is_of_controller {
        return Known::Internal;
    }
    if !class.is_empty() {
        return Known::Nothing;
    }
    if has(&[AWS]) {
        return Known::Public("load balancers of AWS are public by default");
    }
    match input.setting::<CloudProvider>() {
        Provider::Gcp => Known::Public("load balancers of Google Cloud are public by default"),
        Provider::Azure => Known::Public("load balancers of Azure are public by default"),
        _ if has(&["cloud.google.com/", "networking.gke.io/"]) => {
            Known::Public("load balancers of Google Cloud are public by default")
        }
        _ if has(&["service.beta.kubernetes.io/azure-"]) => {
            Known::Public("load balancers of Azure are public by default")
        }
        _ => Known::Nothing,
    }
}
