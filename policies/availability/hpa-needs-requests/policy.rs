use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// What is scaled by utilisation has resource requests
    ///
    /// For a metric of type `Resource` with a `Utilization` target every main container and sidecar
    /// of the scaled workload requests that resource, or the pod as a whole does. For
    /// `ContainerResource` the container exists and, with `Utilization`, requests it. Without
    /// metrics Kubernetes scales by CPU utilisation, so CPU is needed then. A limit counts as a
    /// request, which is what the API server makes of it.
    ///
    /// ## Why
    /// Utilisation is a share of the request. If a single container has none the metric cannot be
    /// computed and the autoscaler does nothing, which shows only under load.
    ///
    /// ## Fix
    /// Set `resources.requests` on every container of the workload, sidecars included.
    severity: High,
    priority: P0,
    effort: Small,
    factor: "VIII Concurrency",
    since: "0.1.0",
    applies_to: ["autoscaling/HorizontalPodAutoscaler"],
    reads: ["spec.metrics", "spec.targetCPUUtilizationPercentage"],
    inventory: {
        workloads: {
            kinds: ["workload"],
            scope: "namespace",
            relation: named {
                kind: "spec.scaleTargetRef.kind=Deployment",
                group: "spec.scaleTargetRef.apiVersion",
                name: "spec.scaleTargetRef.name",
            },
            reads: [
                "pod.spec.resources",
                "container.resources",
            ],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Some(target) = input.related("workloads").next() else {
        return not_evaluated("the workload that it scales is not among the documents");
    };
    let metrics = input.document.at("spec.metrics");
    if metrics.is_empty() {
        let v1 = input.document.at("spec.targetCPUUtilizationPercentage");
        judge_pod(&target, "cpu", if v1.exists() { &v1 } else { &metrics }, findings);
    }
    for metric in metrics.items() {
        let by_utilisation = |source: &View<'_>| source.at("target.type").text() == "Utilization";
        let (pod, container) = (metric.get("resource"), metric.get("containerResource"));
        match metric.get("type").text() {
            "Resource" if by_utilisation(&pod) => judge_pod(&target, pod.get("name").text(), &pod, findings),
            "ContainerResource" => judge_container(&target, &container, by_utilisation(&container), findings),
            _ => {}
        }
    }
    Ok(())
}

fn judge_pod(target: &Related<'_>, resource: &str, at: &View<'_>, findings: &mut Findings) {
    let workload = target.workload();
    let of_pod = workload.spec().get("resources");
    if is_requested(&of_pod, resource) {
        return;
    }
    let lacking: Vec<String> = scaled_containers(&workload)
        .filter(|container| !is_requested(&container.get("resources"), resource))
        .map(|container| container.described())
        .collect();
    if !lacking.is_empty() {
        let (kind, name, lacking) = (target.kind(), target.name(), lacking.join(", "));
        let message =
            format!("{kind} `{name}` does not request `{resource}` in {lacking}, so its utilisation is unknown");
        findings.report(at, message).code("no-request");
    }
}

fn judge_container(target: &Related<'_>, metric: &View<'_>, by_utilisation: bool, findings: &mut Findings) {
    let (kind, target_name) = (target.kind(), target.name());
    let (name, resource) = (metric.get("container"), metric.get("name").text());
    match scaled_containers(&target.workload()).find(|container| container.name() == name.text()) {
        None => {
            let message = format!("{kind} `{target_name}` has no container `{}`", name.text());
            findings.report(&name, message).code("no-container");
        }
        Some(container) if by_utilisation && !is_requested(&container.get("resources"), resource) => {
            let container = container.described();
            let message = format!(
                "{kind} `{target_name}` does not request `{resource}` in {container}, so its utilisation is unknown"
            );
            findings.report(metric, message).code("no-request");
        }
        Some(_) => {}
    }
}

/// The containers that run as long as the pod: those that metrics are taken of.
fn scaled_containers<'d>(workload: &Workload<'d>) -> impl Iterator<Item = Container<'d>> + use<'d> {
    workload.containers().filter(|container| matches!(container.class, Class::Main | Class::Sidecar))
}

fn is_requested(resources: &View<'_>, resource: &str) -> bool {
    ["requests", "limits"].iter().any(|list| resources.get(list).get(resource).exists())
}
