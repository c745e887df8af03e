use policy_sdk::kubernetes::ingress::{self, Controller};
use policy_sdk::kubernetes::service::{self, Exposures, OwnService};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Services open no ports of nodes
    ///
    /// `spec.type` is not NodePort. Load balancers of AWS and Google send to the ports of nodes unless they are told to
    /// send to pods, so a Service is exempt that an Ingress of such a class names, or that is annotated for it
    /// (`alb.ingress.kubernetes.io/…`, `cloud.google.com/neg`, `cloud.google.com/backend-config`), or that a Rollout
    /// names whose traffic an ALB divides. Services of the type LoadBalancer open ports of nodes as well, and are not
    /// checked.
    ///
    /// ## Why
    /// The port is open on every node, past the Ingress with its TLS, its limits and its log. Clients keep addresses of
    /// nodes, which go away when nodes are replaced.
    ///
    /// ## Fix
    /// Make it `type: ClusterIP`, and let an Ingress or a Gateway route lead to it.
    findings: {
        /// The Service is of the type NodePort
        NodePort: Low, Likely, absence: ["exposing_ingresses"];
    },
    priority: P1,
    effort: Medium,
    factor: Security,
    peers: ["KL:exposed-services", "KS:service-type", "KY:restrict-node-port", "GK:block-nodeport-services"],
    since: "0.1.0",
    applies_to: ["core/Service"],
    uses: [OwnService, Exposures],
    reads: ["metadata.annotations"],
    inventory: {
        rollouts: {
            kinds: ["argoproj.io/Rollout"],
            scope: "namespace",
            relation: names {
                kind: "=Service",
                name: [
                    "object.spec.strategy.canary.canaryService", "object.spec.strategy.canary.stableService",
                    "object.spec.strategy.canary.pingPong.pingService",
                    "object.spec.strategy.canary.pingPong.pongService",
                ],
            },
            reads: ["object.spec.strategy.canary.trafficRouting.alb"],
        },
    },
    parameters: {
        /// Accept Services behind load balancers that send to nodes.
        allow_behind_balancers: bool = true,
    },
}

/// How annotations begin that are for the load balancers of AWS and Google.
const OF_BALANCERS: [&str; 3] =
    ["alb.ingress.kubernetes.io/", "cloud.google.com/neg", "cloud.google.com/backend-config"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let kind = input.document.at("spec.type");
    if kind.text() != "NodePort" {
        return Ok(());
    }
    let is_annotated = || {
        let annotations = input.document.at("metadata.annotations");
        annotations.entries().any(|(key, _)| OF_BALANCERS.iter().any(|prefix| key.starts_with(prefix)))
    };
    let is_balanced = |ingress: Related<'_>| {
        let class = ingress::class_of(&ingress.document);
        let controller = Controller::of(None, class.text(), &ingress.document.at("metadata.annotations"));
        // Without a class it is the default one, which is Google's there.
        matches!(controller, Controller::Alb | Controller::Gce | Controller::Unknown)
    };
    let is_divided =
        |rollout: Related<'_>| rollout.workload().object.at("spec.strategy.canary.trafficRouting.alb").exists();
    let is_behind =
        || is_annotated() || service::ingresses(input).any(is_balanced) || input.related("rollouts").any(is_divided);
    if input.parameters.allow_behind_balancers && is_behind() {
        return Ok(());
    }
    let numbers: Vec<String> =
        service::own_ports(input).filter_map(|port| port.0.get("nodePort").as_i64()).map(|it| it.to_string()).collect();
    let ports = match numbers.as_slice() {
        [] => "a port".to_owned(),
        [one] => format!("the port {one}"),
        many => format!("the ports {}", many.join(", ")),
    };
    let message = format!("it is of the type NodePort and opens {ports} on every node");
    let ports = service::own_ports(input).map(|port| port.0.get("nodePort"));
    let fix = ports.fold(Fix::unsafe_("make it ClusterIP").set(&kind, "ClusterIP"), |fix, port| fix.remove(&port));
    findings.report(Code::NodePort, &kind, message).fix(fix);
    Ok(())
}
