use policy_sdk::kubernetes::serving::{self, Services};
use policy_sdk::kubernetes::shutdown::{self, Shutdown};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;
use policy_sdk::settings::ShutdownSeconds;

policy_sdk::rule! {
    /// Pods behind an AWS load balancer stop later than it stops sending
    ///
    /// Where an ALB, or an NLB, sends to pods by their addresses (target type `ip` of the Ingress, the Service or the
    /// IngressClassParams), a `preStop` hook waits for `required_prestop` seconds, or for the deregistration delay where that
    /// is shorter. The grace period is as long as the deregistration delay, which is 300 seconds where nobody sets it; with
    /// `max_delay` the delay is no longer than that.
    ///
    /// With targets of the type `instance`, the controller's default, the load balancer sends to nodes, and the rule checks
    /// nothing. A container without any hook is a finding of `prestop-drain-hook`, not of this rule.
    ///
    /// ## Why
    /// The controller tells the load balancer that a pod goes away, and the load balancer tells its nodes; that takes ten
    /// seconds and more. A pod that stops before that answers requests with errors 502 and 504. A request that runs for longer than the grace
    /// period is cut off, although the load balancer would wait for it.
    ///
    /// ## Fix
    /// Wait in the hook, and let the delay, the wait and the grace period agree:
    /// ```yaml
    /// # Ingress
    /// metadata:
    ///   annotations:
    ///     alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds=30
    /// # Deployment
    /// spec:
    ///   template:
    ///     spec:
    ///       terminationGracePeriodSeconds: 60
    ///       containers:
    ///         - name: web
    ///           lifecycle: {preStop: {sleep: {seconds: 20}}}
    /// ```
    findings: {
        /// The hook ends before the load balancer has stopped sending
        ShortWait: Medium, Likely;
        /// The load balancer lets requests run for longer than the pods live
        DelayAboveGrace: Low, Likely;
        /// The deregistration delay is above the maximum
        LongDelay: Low, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/StatefulSet", "workload/Rollout"],
    uses: [Services, Shutdown, ShutdownSeconds],
    inventory: {
        balanced: {
            kinds: ["core/Service"],
            scope: "namespace",
            relation: selects { there: "spec.selector", here: "pod.metadata.labels" },
            reads: ["spec.type", "metadata.annotations"],
        },
        ingresses: {
            kinds: ["networking.k8s.io/Ingress"],
            scope: "namespace",
            via: "balanced",
            relation: names {
                kind: "=Service",
                name: ["spec.rules[*].http.paths[*].backend.service.name", "spec.defaultBackend.service.name"],
            },
            reads: ["spec.ingressClassName", "metadata.annotations"],
        },
        classes: {
            kinds: ["networking.k8s.io/IngressClass"],
            scope: "cluster",
            via: "ingresses",
            relation: named {
                kind: "=IngressClass",
                name: "spec.ingressClassName|metadata.annotations[\"kubernetes.io/ingress.class\"]",
            },
            reads: ["spec.controller", "spec.parameters.name"],
        },
        // Three queries lead no further than to the class, and clusters have one or two of these.
        class_params: {
            kinds: ["elbv2.k8s.aws/IngressClassParams"],
            scope: "cluster",
            reads: ["spec.targetType"],
        },
    },
    parameters: {
        /// The seconds that a load balancer needs to stop sending to a pod.
        required_prestop: Bounded<1, 3600> = Bounded::of(15),
        /// The longest deregistration delay, in seconds.
        max_delay: Option<Bounded<0, 3600>> = None,
    },
}

/// What AWS takes where nobody sets it.
const DEFAULT_DELAY: i64 = 300;

/// A load balancer that sends to the subject's pods.
struct Balancer<'d> {
    /// The document that says so: an Ingress or a Service.
    of: Related<'d>,
    /// How messages call it.
    called: String,
    /// Its deregistration delay, and where that is written.
    delay: i64,
    place: View<'d>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let mut unknown = None;
    let mut balancers = Vec::new();
    for (position, service) in input.related("balanced").enumerate() {
        balancers.extend(network_balancer(&service));
        for ingress in input.related("ingresses").filter(|ingress| ingress.via().any(|via| via == position)) {
            match targets(input, &ingress, &service) {
                Targets::Pods => balancers.push(application_balancer(ingress, &service)),
                Targets::Unknown(params) => unknown = Some(params),
                Targets::Others => {}
            }
        }
    }
    let Some(balancer) = balancers.into_iter().max_by_key(|balancer| balancer.delay) else {
        return match unknown {
            Some(params) => {
                not_evaluated(format!("the IngressClassParams `{params}`, which say what targets are, are not known"))
            }
            None => not_applicable("no load balancer of AWS sends to its pods by their addresses"),
        };
    };
    judge_waits(input, &balancer, findings);
    judge_delay(input, &balancer, findings);
    Ok(())
}

/// The hooks of the containers that serve, or of all main containers where no port tells which do.
fn judge_waits(input: &Input<'_, Parameters>, balancer: &Balancer<'_>, findings: &mut Findings) {
    let needed = input.parameters.required_prestop.get().min(balancer.delay);
    let mut containers: Vec<Container<'_>> =
        serving::served(input, |_| true).into_iter().map(|served| served.container).collect();
    if containers.is_empty() {
        containers = input.workload().main_containers().collect();
    }
    for container in containers {
        let hook = shutdown::pre_stop(&container);
        let Some((handler, settings)) = hook.handlers().next() else { continue };
        let Some(seconds) = shutdown::hook_seconds(&hook).filter(|seconds| *seconds < needed) else { continue };
        let message = format!(
            "the `preStop` hook of {} waits {seconds} seconds, but {} may send for {needed}",
            container.described(),
            balancer.called
        );
        let fix = (handler == "sleep").then(|| {
            let fix = Fix::unsafe_(format!("wait {needed} seconds")).set(&settings.get("seconds"), needed);
            let grace = needed + input.setting::<ShutdownSeconds>();
            if shutdown::grace_seconds(input) < grace { fix.set(&shutdown::grace_period(input), grace) } else { fix }
        });
        findings
            .report(Code::ShortWait, &settings, message)
            .label_in(&balancer.of, &balancer.place, "the load balancer sends to the pods' addresses")
            .fix(fix);
    }
}

fn judge_delay(input: &Input<'_, Parameters>, balancer: &Balancer<'_>, findings: &mut Findings) {
    let (place, grace) = (shutdown::grace_period(input), shutdown::grace_seconds(input));
    let Balancer { called, delay, .. } = balancer;
    let max = input.parameters.max_delay.map(Bounded::get);
    let (code, message) = if let Some(max) = max.filter(|max| delay > max) {
        (Code::LongDelay, format!("{called} keeps a target for {delay} seconds, expected at most {max}"))
    } else if *delay > grace {
        let message = format!("{called} lets requests run for {delay} seconds, but the pods have {grace} to stop");
        (Code::DelayAboveGrace, message)
    } else {
        return;
    };
    let label = if balancer.place.exists() { "the deregistration delay" } else { "it sets no deregistration delay" };
    findings.report(code, &place, message).label_in(&balancer.of, &balancer.place, label);
}

/// What the targets of an ALB are.
enum Targets<'d> {
    Pods,
    Others,
    Unknown(&'d str),
}

const TARGET_TYPE: &str = "alb.ingress.kubernetes.io/target-type";

/// What the ALB of an Ingress sends to for a Service, whose annotations go before those of the Ingress.
fn targets<'d>(input: &Input<'d, Parameters>, ingress: &Related<'d>, service: &Related<'d>) -> Targets<'d> {
    let class_of = annotation(ingress, "kubernetes.io/ingress.class").text();
    let named = ingress.document.at("spec.ingressClassName").text();
    let name = if named.is_empty() { class_of } else { named };
    let class = input.related("classes").find(|class| class.name() == name);
    let controller = class.as_ref().map(|class| class.document.at("spec.controller").text());
    let is_alb = match controller {
        Some(controller) => controller == "ingress.k8s.aws/alb",
        None => name == "alb" || name.is_empty() && annotation(ingress, TARGET_TYPE).exists(),
    };
    let written = [service, ingress].into_iter().map(|it| annotation(it, TARGET_TYPE)).find(View::exists);
    let params = class.map(|class| class.document.at("spec.parameters.name").text()).filter(|name| !name.is_empty());
    let of_params = params.map(|name| (name, input.related("class_params").find(|params| params.name() == name)));
    let written = match (written, of_params) {
        _ if !is_alb => return Targets::Others,
        // The class goes before the Ingress.
        (_, Some((_, Some(params)))) if params.document.at("spec.targetType").exists() => {
            params.document.at("spec.targetType").text()
        }
        (Some(written), _) => written.text(),
        (None, Some((name, None))) => return Targets::Unknown(name),
        (None, _) => "",
    };
    if written == "ip" { Targets::Pods } else { Targets::Others }
}

fn annotation<'d>(document: &Related<'d>, key: &str) -> View<'d> {
    document.document.at("metadata.annotations").get(key)
}

fn application_balancer<'d>(ingress: Related<'d>, service: &Related<'d>) -> Balancer<'d> {
    const ATTRIBUTES: &str = "alb.ingress.kubernetes.io/target-group-attributes";
    let called = format!("the ALB of the Ingress `{}`", ingress.name());
    let of_service = annotation(service, ATTRIBUTES);
    let of_ingress = annotation(&ingress, ATTRIBUTES);
    let (of, place) = if of_service.exists() { (service.clone(), of_service) } else { (ingress, of_ingress) };
    Balancer { called, delay: delay(&place), of, place }
}

/// The NLB of a Service that sends to pods.
fn network_balancer<'d>(service: &Related<'d>) -> Option<Balancer<'d>> {
    const PREFIX: &str = "service.beta.kubernetes.io/aws-load-balancer-";
    let of = |name: &str| annotation(service, &[PREFIX, name].concat());
    let is_of_pods = of("nlb-target-type").text() == "ip" || of("type").text() == "nlb-ip";
    let is_balanced = service.document.at("spec.type").text() == "LoadBalancer" && is_of_pods;
    let place = of("target-group-attributes");
    let called = format!("the NLB of the Service `{}`", service.name());
    is_balanced.then(|| Balancer { called, delay: delay(&place), of: service.clone(), place })
}

/// The deregistration delay that attributes of a target group set: `a=1,deregistration_delay.timeout_seconds=30`.
fn delay(attributes: &View<'_>) -> i64 {
    let mut pairs = attributes.text().split(',').filter_map(|pair| pair.trim().split_once('='));
    let found = pairs.find(|(key, _)| key.trim() == "deregistration_delay.timeout_seconds");
    found.and_then(|(_, seconds)| seconds.trim().parse().ok()).unwrap_or(DEFAULT_DELAY)
}
