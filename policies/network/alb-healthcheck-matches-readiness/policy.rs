use policy_sdk::kubernetes::alb;
use policy_sdk::kubernetes::ingress::{
    self, BackendServices, BackendWorkloads, Controller, IngressClasses, OwnIngress,
};
use policy_sdk::prelude::*;
use policy_sdk::values::port::Port;

policy_sdk::rule! {
    /// An ALB asks for the path that says whether pods are ready
    ///
    /// For each backend of an Ingress that an ALB answers, the path of the load balancer's health check is that of the
    /// HTTP `readinessProbe` of the containers behind it, where both are about the same port. The annotation
    /// `healthcheck-path` of the Service goes before that of the Ingress; without any the path is `/`. With another
    /// `healthcheck-port` than that of the traffic nothing is compared.
    ///
    /// Probes of another kind, gRPC backends and pods without a readiness probe are not checked. A path that somebody
    /// chose and that is not the readiness probe's is reported as info: asking a load balancer's question of a liveness
    /// endpoint is common.
    ///
    /// ## Why
    /// Many services answer `/` with 404 or a redirect, which the load balancer takes for ill: it sends nothing to pods
    /// that are ready. Others answer `/` while they are not ready, and get requests that they cannot serve.
    ///
    /// ## Fix
    /// ```yaml
    /// metadata:
    ///   annotations:
    ///     alb.ingress.kubernetes.io/healthcheck-path: /readyz
    /// ```
    findings: {
        /// The load balancer asks for `/`, which nobody chose, and the readiness probe for something else
        Default: Low, Guess;
        /// The load balancer and the readiness probe ask for different paths
        Differs: Info, Guess;
    },
    priority: P1,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["networking.k8s.io/Ingress"],
    uses: [OwnIngress, IngressClasses, BackendServices, BackendWorkloads],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if ingress::controller(input) != Controller::Alb {
        return not_applicable("no ALB answers it");
    }
    let services = ingress::served(input);
    let own = input.document.at("metadata.annotations");
    let mut has_any = false;
    for (service, workloads) in &services {
        let of = |name: &str| {
            let key = [alb::PREFIX, name].concat();
            let of_service = service.document.at("metadata.annotations").get(&key);
            if of_service.exists() { (true, of_service) } else { (false, own.get(&key)) }
        };
        if of("backend-protocol-version").1.text() == "GRPC"
            || !matches!(of("healthcheck-port").1.text(), "" | "traffic-port")
        {
            continue;
        }
        let (is_of_service, place) = of("healthcheck-path");
        let asked = if place.exists() { place.text() } else { "/" };
        let Some(port) = ingress::routes(input)
            .filter(|route| route.backend.service().text() == service.name())
            .find_map(|route| route.backend.port_of(service)?.target())
        else {
            continue;
        };
        for workload in workloads {
            let Some((container, path)) = readiness(workload, port) else { continue };
            has_any = true;
            let probed = if path.text().is_empty() { "/" } else { path.text() };
            if probed == asked {
                continue;
            }
            let message = format!(
                "the ALB asks the pods of Service `{}` for `{asked}`, {} for `{probed}`",
                service.name(),
                container.described() + " is ready by its probe"
            );
            let code = if place.exists() { Code::Differs } else { Code::Default };
            let fix = Fix::unsafe_(format!("ask for `{probed}`"))
                .set(&own.get(&[alb::PREFIX, "healthcheck-path"].concat()), probed);
            let fix = (!is_of_service && services.len() == 1).then_some(fix);
            let at = if is_of_service { own.clone() } else { place.clone() };
            let report = findings.report(code, &at, message).fix(fix);
            let report = report.label_in(workload, &path, "what the kubelet asks for");
            if is_of_service {
                report.label_in(service, &place, "what the load balancer asks for");
            }
            break;
        }
    }
    if has_any { Ok(()) } else { not_applicable("no container behind it has an HTTP readiness probe on its port") }
}

/// The container that a port of pods is of, and the path of its readiness probe on that port.
fn readiness<'d>(workload: &Related<'d>, port: Port<'d>) -> Option<(Container<'d>, View<'d>)> {
    workload.workload().main_containers().find_map(|container| {
        let probe = container.at("readinessProbe.httpGet");
        let declared: Vec<View<'_>> = container.get("ports").items().collect();
        let number = |port: Port<'d>| match port {
            Port::Number(number) => Some(number),
            Port::Name(_) => declared.iter().find(|it| port.is(it))?.get("containerPort").as_i64(),
        };
        let probed = number(Port::from_view(&probe.get("port"))?)?;
        (Some(probed) == number(port)).then(|| (container.clone(), probe.get("path")))
    })
}
