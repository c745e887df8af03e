use policy_sdk::kubernetes::rollout::{self, RolloutStrategy};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// The Services and routes of a Rollout exist and fit
    ///
    /// Each Service that a Rollout names (`canaryService` and `stableService`, `pingPong`, `activeService` and
    /// `previewService`) is in its namespace and selects the labels of its pods. The two of a pair differ. With a
    /// traffic router that divides requests by Services both are named. A router's `rootService` need not exist: it
    /// may be the name of an action of the Ingress.
    ///
    /// The Ingress, VirtualService, DestinationRule or TraefikService that the traffic router changes exists. A route
    /// of a VirtualService that divides requests by hosts has both Services as destinations.
    ///
    /// Without `trafficRouting` the controller still narrows `stableService` to the pods of the old version. Where no
    /// other Service selects the pods, a canary gets no request before it is promoted.
    ///
    /// Only what the documents can show is reported as missing. The labels of a Rollout with `workloadRef` are those
    /// of the workload that it names.
    ///
    /// ## Why
    /// The controller stops with `InvalidSpec` where a Service or a route is missing, so no new version is rolled out.
    /// A Service that selects no pods, or that nobody routes to, makes the canary invisible to every metric.
    ///
    /// ## Fix
    /// Add a Service for each of the two, with the same selector. The controller adds the label that tells them apart:
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Service
    /// metadata:
    ///   name: cart-canary
    /// spec:
    ///   selector:
    ///     app: cart
    ///   ports:
    ///     - port: 80
    ///       targetPort: http
    /// ```
    findings: {
        /// No Service has that name
        NoService: High, Likely, absence: ["named_services"];
        /// A Service does not select the Rollout's pods
        NotSelecting: High, Likely;
        /// Both Services of a pair are the same
        Same: High, Certain;
        /// The traffic router needs a Service that is not named
        Unnamed: High, Certain;
        /// What the traffic router changes does not exist
        NoRoute: High, Likely, absence: ["ingresses", "routes"];
        /// A route does not have both Services as destinations
        Destinations: High, Likely;
        /// Nothing sends requests to the canary
        NoRouting: High, Likely, absence: ["senders"];
    },
    priority: P1,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["argoproj.io/Rollout"],
    uses: [RolloutStrategy],
    reads: ["pod.metadata.labels", "object.spec.workloadRef"],
    inventory: {
        named_services: {
            kinds: ["core/Service"],
            scope: "namespace",
            relation: named {
                kind: "=Service",
                name: [
                    "object.spec.strategy.canary.canaryService", "object.spec.strategy.canary.stableService",
                    "object.spec.strategy.canary.pingPong.pingService",
                    "object.spec.strategy.canary.pingPong.pongService",
                    "object.spec.strategy.blueGreen.activeService", "object.spec.strategy.blueGreen.previewService",
                ],
            },
            reads: ["spec.selector"],
        },
        senders: {
            kinds: ["core/Service"],
            scope: "namespace",
            relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
            reads: ["metadata.name"],
        },
        lender: {
            kinds: ["workload"],
            scope: "namespace",
            relation: named {
                kind: "object.spec.workloadRef.kind",
                group: "object.spec.workloadRef.apiVersion",
                name: "object.spec.workloadRef.name",
            },
            reads: ["pod.metadata.labels"],
        },
        lender_senders: {
            kinds: ["core/Service"],
            scope: "namespace",
            via: "lender",
            relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
            reads: ["metadata.name"],
        },
        ingresses: {
            kinds: ["networking.k8s.io/Ingress", "extensions/Ingress"],
            scope: "namespace",
            relation: named {
                kind: "=Ingress",
                name: [
                    "object.spec.strategy.canary.trafficRouting.alb.ingress",
                    "object.spec.strategy.canary.trafficRouting.alb.ingresses[*]",
                    "object.spec.strategy.canary.trafficRouting.nginx.stableIngress",
                    "object.spec.strategy.canary.trafficRouting.nginx.stableIngresses[*]",
                ],
            },
            reads: ["metadata.name"],
        },
        routes: {
            kinds: [
                "networking.istio.io/VirtualService", "networking.istio.io/DestinationRule",
                "traefik.io/TraefikService", "traefik.containo.us/TraefikService",
            ],
            scope: "namespace",
            relation: named {
                name: [
                    "object.spec.strategy.canary.trafficRouting.istio.virtualService.name",
                    "object.spec.strategy.canary.trafficRouting.istio.virtualServices[*].name",
                    "object.spec.strategy.canary.trafficRouting.istio.destinationRule.name",
                    "object.spec.strategy.canary.trafficRouting.traefik.weightedTraefikServiceName",
                ],
            },
            reads: ["spec.http[*].name", "spec.http[*].route[*].destination"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let (canary, blue_green) = (rollout::canary(input), rollout::blue_green(input));
    let routing = canary.get("trafficRouting");
    let labels = pod_labels(input);
    let ping_pong = canary.get("pingPong");
    let pairs = [
        (canary.get("canaryService"), canary.get("stableService")),
        (ping_pong.get("pingService"), ping_pong.get("pongService")),
        (blue_green.get("previewService"), blue_green.get("activeService")),
    ];
    for (one, other) in &pairs {
        if !one.text().is_empty() && one.text() == other.text() {
            let message = format!("`{}` is both Services, so nothing is rolled out: two are needed", one.text());
            findings.report(Code::Same, one, message);
            continue;
        }
        check_service(input, one, labels.as_ref(), findings);
        check_service(input, other, labels.as_ref(), findings);
    }
    let [(candidate, stable), ..] = &pairs;
    if !routing.exists() {
        check_stable(input, candidate, stable, findings);
        return Ok(());
    }
    // As the controller validates it.
    let has_pair = ping_pong.exists();
    let istio = routing.get("istio");
    let by_services = ["smi", "apisix", "ambassador", "nginx", "appMesh", "traefik"].map(|router| routing.get(router));
    let needs_services = by_services.iter().any(View::exists)
        || (routing.get("alb").exists() && !has_pair)
        || (istio.exists() && !istio.get("destinationRule").exists() && !has_pair);
    for service in [candidate, stable].into_iter().filter(|it| needs_services && it.text().is_empty()) {
        let field = if std::ptr::eq(service, stable) { "stableService" } else { "canaryService" };
        let message = format!("the traffic router needs `{field}`, which is missing, so nothing is rolled out");
        findings.report(Code::Unnamed, service, message);
    }
    check_routes(input, &routing, (candidate, stable), findings);
    Ok(())
}

/// The labels of the subject's pods, where they are known.
fn pod_labels<'d>(input: &Input<'d, Parameters>) -> Option<View<'d>> {
    let workload = input.workload();
    if workload.object.at("spec.workloadRef").exists() {
        return input.related("lender").next().map(|lender| lender.workload().pod_labels());
    }
    Some(workload.pod_labels())
}

fn check_service(input: &Input<'_, Parameters>, place: &View<'_>, labels: Option<&View<'_>>, findings: &mut Findings) {
    let name = place.text();
    // An Argo Rollout may name a Service of another namespace only by its router.
    if name.is_empty() || name.contains("{{") {
        return;
    }
    let Some(service) = input.related("named_services").find(|service| service.name() == name) else {
        let message = format!("there is no Service `{name}` in its namespace, so nothing is rolled out");
        findings.report(Code::NoService, place, message);
        return;
    };
    let demanded = service.document.at("spec.selector");
    // The controller adds the hash that tells the versions apart.
    let misses = |(key, value): (&str, View<'_>)| {
        key != "rollouts-pod-template-hash" && labels.is_some_and(|labels| labels.get(key).text() != value.text())
    };
    if demanded.is_empty() {
        let message = format!("Service `{name}` has no selector, so it sends to none of the Rollout's pods");
        findings.report(Code::NotSelecting, place, message).label_in(&service, &demanded, "its selector");
    } else if let Some((key, value)) = demanded.entries().find(|entry| misses(entry.clone())) {
        let message = format!(
            "Service `{name}` selects pods with `{key}: {}`, which the Rollout's pods do not have",
            value.text()
        );
        findings.report(Code::NotSelecting, place, message).label_in(&service, &value, "it selects by this");
    }
}

/// Without a router `stableService` sends to the old version alone.
fn check_stable(input: &Input<'_, Parameters>, candidate: &View<'_>, stable: &View<'_>, findings: &mut Findings) {
    let query = if input.workload().object.at("spec.workloadRef").exists() { "lender_senders" } else { "senders" };
    let is_other = |service: &Related<'_>| service.name() != candidate.text() && service.name() != stable.text();
    let has_weights = rollout::first_weight(input).is_some();
    let is_known = input.related("named_services").any(|service| service.name() == stable.text());
    if has_weights && is_known && !input.related(query).any(|service| is_other(&service)) {
        let message = format!(
            "there is no `trafficRouting`, and Service `{}` sends to the old version alone: weights have no effect",
            stable.text()
        );
        findings.report(Code::NoRouting, stable, message);
    }
}

fn check_routes(
    input: &Input<'_, Parameters>,
    routing: &View<'_>,
    (candidate, stable): (&View<'_>, &View<'_>),
    findings: &mut Findings,
) {
    const INGRESSES: [&str; 4] = ["alb.ingress", "alb.ingresses[*]", "nginx.stableIngress", "nginx.stableIngresses[*]"];
    const ROUTES: [(&str, &str); 4] = [
        ("istio.virtualService.name", "VirtualService"),
        ("istio.virtualServices[*].name", "VirtualService"),
        ("istio.destinationRule.name", "DestinationRule"),
        ("traefik.weightedTraefikServiceName", "TraefikService"),
    ];
    let named = INGRESSES.iter().map(|path| (*path, "Ingress", "ingresses"));
    for (path, kind, query) in named.chain(ROUTES.iter().map(|(path, kind)| (*path, *kind, "routes"))) {
        // `name.namespace` is in another namespace.
        for place in routing.select(path).iter().filter(|place| kind == "Ingress" || !place.text().contains('.')) {
            if !input.related(query).any(|it| it.name() == place.text() && it.kind() == kind) {
                let message =
                    format!("there is no {kind} `{}` in its namespace, so nothing is rolled out", place.text());
                findings.report(Code::NoRoute, place, message);
            }
        }
    }
    if routing.at("istio.destinationRule").exists() || candidate.text().is_empty() || stable.text().is_empty() {
        return;
    }
    let one = routing.select("istio.virtualService");
    for reference in one.into_iter().chain(routing.select("istio.virtualServices[*]")) {
        let name = reference.get("name").text();
        let wanted: Vec<&str> = reference.get("routes").items().map(|route| route.text()).collect();
        let is_meant = |it: &Related<'_>| it.kind() == "VirtualService" && it.name() == name;
        let Some(service) = input.related("routes").find(is_meant) else { continue };
        let is_wanted = |http: &View<'_>| wanted.is_empty() || wanted.contains(&http.get("name").text());
        for http in service.document.at("spec.http").items().filter(is_wanted) {
            let goes_to = |service: &View<'_>| {
                let hosts = http.get("route").items().map(|it| it.at("destination.host").text());
                hosts.into_iter().any(|host| host.split('.').next() == Some(service.text()))
            };
            if let Some(missing) = [candidate, stable].into_iter().find(|service| !goes_to(service)) {
                let message = format!(
                    "a route of VirtualService `{name}` has no destination `{}`, so nothing is rolled out",
                    missing.text()
                );
                let report = findings.report(Code::Destinations, &reference.get("name"), message);
                report.label_in(&service, &http.get("route"), "its destinations");
            }
        }
    }
}
