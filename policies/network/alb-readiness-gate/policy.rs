use policy_sdk::kubernetes::ingress::{self, Controller};
use policy_sdk::kubernetes::service;
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Pods behind an AWS load balancer wait until it sends to them
    ///
    /// A Namespace in which an ALB or NLB sends to the pods of a Deployment or Rollout by their addresses (target type
    /// `ip`) has the label `elbv2.k8s.aws/pod-readiness-gate-inject: enabled`, or one of `labels`. The target type is
    /// that of the IngressClassParams, the Service, the Ingress or the TargetGroupBinding. With targets of the type
    /// `instance`, the default, the label does nothing and the rule does not apply.
    ///
    /// EKS Auto Mode has a label of its own: name it in `labels`. Until then its load balancers are not checked.
    ///
    /// ## Why
    /// A rolling update goes on as soon as new pods are ready. The load balancer needs longer until it sends to them,
    /// and the old pods are gone by then: for some seconds there is no target, and clients get errors 503.
    ///
    /// ## Fix
    /// Label the Namespace. Pods get the gate when they are made, so restart the workloads afterwards:
    ///
    /// ```yaml
    /// metadata:
    ///   labels:
    ///     elbv2.k8s.aws/pod-readiness-gate-inject: enabled
    /// ```
    findings: {
        /// Pods are not held back until the load balancer sends to them
        Missing: Medium, Likely;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["core/Namespace"],
    reads: ["metadata.name", "metadata.labels"],
    inventory: {
        namespace_services: {
            kinds: ["core/Service"],
            scope: "cluster",
            relation: names { kind: "=Namespace", name: "metadata.namespace" },
            reads: ["metadata.annotations", "spec.type", "spec.loadBalancerClass", "spec.selector"],
        },
        rolling_workloads: {
            kinds: ["workload/Deployment", "workload/Rollout"],
            scope: "cluster",
            via: "namespace_services",
            relation: selected { there: "pod.metadata.labels", here: "spec.selector" },
            reads: ["object.metadata.name"],
        },
        namespace_ingresses: {
            kinds: ["networking.k8s.io/Ingress"],
            scope: "cluster",
            relation: names { kind: "=Namespace", name: "metadata.namespace" },
            reads: ["metadata.annotations", "spec.ingressClassName", "spec.rules", "spec.defaultBackend"],
        },
        namespace_bindings: {
            kinds: ["elbv2.k8s.aws/TargetGroupBinding"],
            scope: "cluster",
            relation: names { kind: "=Namespace", name: "metadata.namespace" },
            reads: ["spec.targetType", "spec.serviceRef.name"],
        },
        ingress_classes: {
            kinds: ["networking.k8s.io/IngressClass"],
            scope: "cluster",
            via: "namespace_ingresses",
            relation: named {
                kind: "=IngressClass",
                name: "spec.ingressClassName|metadata.annotations[\"kubernetes.io/ingress.class\"]",
            },
            reads: ["spec.controller", "spec.parameters.name"],
        },
        class_params: {
            kinds: ["elbv2.k8s.aws/IngressClassParams"],
            scope: "cluster",
            via: "ingress_classes",
            relation: named { kind: "=IngressClassParams", name: "spec.parameters.name" },
            reads: ["spec.targetType"],
        },
    },
    parameters: {
        /// Labels that have the controllers of load balancers hold back pods, when their value is `enabled`.
        labels: Vec<String> = list(["elbv2.k8s.aws/pod-readiness-gate-inject"]),
    },
}

/// A load balancer that sends to pods: what says so, and where.
struct Balancer<'d> {
    of: Related<'d>,
    place: View<'d>,
    service: Related<'d>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let labels = input.document.at("metadata.labels");
    let parameters = &input.parameters;
    let Some((balancer, workload)) = services(input).iter().enumerate().find_map(|(at, service)| {
        let balancer = balancer_of(input, service)?;
        let mut workloads = input.related("rolling_workloads");
        let workload = workloads.find(|it| it.namespace() == service.namespace() && it.via().any(|via| via == at))?;
        Some((balancer, workload))
    }) else {
        return not_applicable("no load balancer of AWS sends to its pods by their addresses");
    };
    if parameters.labels.iter().any(|key| labels.get(key).text() == "enabled") {
        return Ok(());
    }
    let Some(key) = parameters.labels.first() else { return not_evaluated("`labels` names no label") };
    let message = format!(
        "the load balancer of {} `{}` sends to the pods of {} `{}`, which do not wait for it: no label `{key}: enabled`",
        balancer.of.kind(),
        balancer.of.name(),
        workload.kind(),
        workload.name()
    );
    let fix = Fix::unsafe_("hold back pods until the load balancer sends to them").set(&labels.get(key), "enabled");
    let report = findings
        .report(Code::Missing, &labels.get(key), message)
        .label_in(&balancer.of, &balancer.place, "the load balancer sends to the pods' addresses")
        .label_in(&workload, &workload.workload().object.at("metadata.name"), "its pods roll")
        .fix(fix);
    if balancer.of.kind() != "Service" {
        report.label_in(&balancer.service, &balancer.service.document.at("spec.selector"), "by this Service");
    }
    Ok(())
}

fn services<'d>(input: &Input<'d, Parameters>) -> Vec<Related<'d>> {
    input.related("namespace_services").collect()
}

/// The load balancer that sends to the pods of a Service.
fn balancer_of<'d>(input: &Input<'d, Parameters>, service: &Related<'d>) -> Option<Balancer<'d>> {
    const NLB: &str = "service.beta.kubernetes.io/aws-load-balancer-";
    let is = |of: Related<'d>, place: View<'d>| Some(Balancer { of, place, service: service.clone() });
    let annotations = service.document.at("metadata.annotations");
    let nlb = |name: &str| annotations.get(&[NLB, name].concat());
    let place = if nlb("type").text() == "nlb-ip" { nlb("type") } else { nlb("nlb-target-type") };
    let is_auto_mode = service.document.at("spec.loadBalancerClass").text() == "eks.amazonaws.com/nlb";
    let is_nlb = service.document.at("spec.type").text() == "LoadBalancer" && !is_auto_mode;
    if is_nlb && matches!(place.text(), "ip" | "nlb-ip") {
        return is(service.clone(), place);
    }
    let mut bindings = input.related("namespace_bindings");
    let binding = bindings.find(|binding| {
        let spec = binding.document.get("spec");
        spec.get("targetType").text() == "ip" && spec.at("serviceRef.name").text() == service.name()
    });
    if let Some(binding) = binding {
        let place = binding.document.at("spec.targetType");
        return is(binding, place);
    }
    let mut ingresses = input.related("namespace_ingresses").enumerate();
    ingresses.find_map(|(at, ingress)| {
        service::naming(&ingress, service.name())?;
        let (of, place) = ip_targets(input, at, &ingress, service)?;
        is(of, place)
    })
}

/// Where it says that the ALB of an Ingress sends to the addresses of pods.
fn ip_targets<'d>(
    input: &Input<'d, Parameters>,
    at: usize,
    ingress: &Related<'d>,
    service: &Related<'d>,
) -> Option<(Related<'d>, View<'d>)> {
    const TARGET_TYPE: &str = "alb.ingress.kubernetes.io/target-type";
    let annotations = ingress.document.at("metadata.annotations");
    let mut classes = input.related("ingress_classes").enumerate();
    let class = classes.find(|(_, class)| class.via().any(|via| via == at));
    let controller = class.as_ref().map(|(_, class)| class.document.at("spec.controller").text());
    let is_alb =
        Controller::of(controller, ingress::class_of(&ingress.document).text(), &annotations) == Controller::Alb;
    if !is_alb || controller == Some("eks.amazonaws.com/alb") {
        return None;
    }
    // The parameters of the class go first, then the Service, then the Ingress.
    let params = class.and_then(|(at, _)| input.related("class_params").find(|it| it.via().any(|via| via == at)));
    let params = params.map(|params| (params.clone(), params.document.at("spec.targetType")));
    let annotated = [service, ingress].map(|it| (it.clone(), it.document.at("metadata.annotations").get(TARGET_TYPE)));
    let mut all = params.into_iter().chain(annotated).filter(|(_, place)| place.exists());
    let (of, place) = all.next().filter(|(_, place)| place.text() == "ip")?;
    // The Ingress is named, wherever it is said.
    if of.kind() == "Ingress" {
        Some((of, place))
    } else {
        Some((ingress.clone(), ingress::class_of(&ingress.document)))
    }
}
