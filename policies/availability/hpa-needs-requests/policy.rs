use policy_sdk::kubernetes::autoscaling::{self, OwnAutoscaler, ScaleTarget};
use policy_sdk::kubernetes::limit_range::{self, LimitRanges};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// What is scaled by utilisation has resource requests
    ///
    /// For a metric of type `Resource` with a `Utilization` target every main container and sidecar
    /// of the scaled workload requests that resource, or the pod as a whole does. For
    /// `ContainerResource` the container exists and, with `Utilization`, requests it. Without
    /// metrics Kubernetes scales by CPU utilisation, so CPU is needed then. The same goes for the triggers
    /// `cpu` and `memory` of a ScaledObject. A limit counts as a request, which is what the API server makes
    /// of it, and so does the default of a LimitRange; a request of 0 is none. Metrics that lack the same
    /// containers are told together, at the first. Of a Rollout that borrows the template of another workload, the
    /// containers are that one's.
    ///
    /// ## Why
    /// Utilisation is a share of the request. If a single container has none the metric cannot be
    /// computed and the autoscaler does nothing, which shows only under load.
    ///
    /// ## Fix
    /// Set `resources.requests` on every container of the workload, sidecars included.
    findings: {
        /// A container of the target does not request what it is scaled by
        NoRequest: High, Certain;
        /// The metric names a container that the target has not
        NoContainer: High, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Concurrency,
    since: "0.1.0",
    applies_to: ["autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"],
    uses: [LimitRanges, OwnAutoscaler, ScaleTarget],
}

/// A metric that containers of the target stand in the way of.
struct Lack<'d> {
    at: View<'d>,
    resource: &'d str,
    containers: Vec<String>,
    /// The resources of those containers.
    lacking: Vec<View<'d>>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Some(target) = autoscaling::scale_target(input) else {
        return not_evaluated("the workload that it scales is not among the documents");
    };
    let Some(template) = autoscaling::scaled_template(input) else {
        let (kind, name) = (target.kind(), target.name());
        return not_evaluated(format!(
            "the workload whose template {kind} `{name}` borrows is not among the documents"
        ));
    };
    let mut lacks = Vec::new();
    if input.subject.kind == "ScaledObject" {
        judge_triggers(input, &template, findings, &mut lacks);
    } else {
        judge_metrics(input, &template, findings, &mut lacks);
    }
    let mut told: Vec<usize> = Vec::new();
    for (index, lack) in lacks.iter().enumerate() {
        if told.contains(&index) {
            continue;
        }
        let same = (index..lacks.len()).filter(|other| lacks[*other].containers == lack.containers);
        let same: Vec<usize> = same.collect();
        let mut resources: Vec<&str> = Vec::new();
        for other in &same {
            if !resources.contains(&lacks[*other].resource) {
                resources.push(lacks[*other].resource);
            }
        }
        let (kind, name) = (target.kind(), target.name());
        let message = format!(
            "{kind} `{name}` does not request `{}` in {}, so its utilisation is unknown",
            resources.join("` and `"),
            lack.containers.join(", ")
        );
        let report = findings.report(Code::NoRequest, &lack.at, message);
        lack.lacking.iter().fold(report, |report, view| report.label_in(&template, view, "no request here"));
        told.extend(same);
    }
    Ok(())
}

fn judge_metrics<'d>(
    input: &Input<'d, Parameters>,
    target: &Related<'d>,
    findings: &mut Findings,
    lacks: &mut Vec<Lack<'d>>,
) {
    let metrics = autoscaling::own_metrics(input);
    if metrics.is_empty() {
        let v1 = input.document.at("spec.targetCPUUtilizationPercentage");
        lacks.extend(of_pod(input, target, "cpu", if v1.exists() { &v1 } else { &metrics }));
    }
    for metric in metrics.items() {
        let by_utilisation = |source: &View<'_>| source.at("target.type").text() == "Utilization";
        let (pod, container) = (metric.get("resource"), metric.get("containerResource"));
        match metric.get("type").text() {
            "Resource" if by_utilisation(&pod) => {
                lacks.extend(of_pod(input, target, pod.get("name").text(), &pod));
            }
            "ContainerResource" => {
                let (name, resource) = (container.get("container"), container.get("name").text());
                let resource = by_utilisation(&container).then_some(resource);
                lacks.extend(of_container(input, target, &name, resource, &container, findings));
            }
            _ => {}
        }
    }
}

fn judge_triggers<'d>(
    input: &Input<'d, Parameters>,
    target: &Related<'d>,
    findings: &mut Findings,
    lacks: &mut Vec<Lack<'d>>,
) {
    for trigger in autoscaling::own_metrics(input).items() {
        let resource = trigger.get("type").text();
        if !matches!(resource, "cpu" | "memory") {
            continue;
        }
        let metadata = trigger.get("metadata");
        let kinds = [trigger.get("metricType"), metadata.get("type")];
        let kind = kinds.iter().find_map(View::as_str).unwrap_or("Utilization");
        let resource = (kind == "Utilization").then_some(resource);
        let name = metadata.get("containerName");
        if name.text().is_empty() {
            lacks.extend(resource.and_then(|resource| of_pod(input, target, resource, &trigger)));
        } else {
            lacks.extend(of_container(input, target, &name, resource, &trigger, findings));
        }
    }
}

fn of_pod<'d>(
    input: &Input<'_, Parameters>,
    target: &Related<'d>,
    resource: &'d str,
    at: &View<'d>,
) -> Option<Lack<'d>> {
    let workload = target.workload();
    if is_requested(&workload.spec().get("resources"), resource) || has_default(input, resource) {
        return None;
    }
    let (containers, lacking): (Vec<String>, Vec<View<'d>>) = scaled_containers(&workload)
        .map(|container| (container.described(), container.get("resources")))
        .filter(|(_, resources)| !is_requested(resources, resource))
        .unzip();
    (!containers.is_empty()).then(|| Lack { at: at.clone(), resource, containers, lacking })
}

/// `resource` is what it is scaled by the utilisation of, where it is.
fn of_container<'d>(
    input: &Input<'_, Parameters>,
    target: &Related<'d>,
    name: &View<'_>,
    resource: Option<&'d str>,
    at: &View<'d>,
    findings: &mut Findings,
) -> Option<Lack<'d>> {
    match scaled_containers(&target.workload()).find(|container| container.name() == name.text()) {
        None => {
            let message = format!("{} `{}` has no container `{}`", target.kind(), target.name(), name.text());
            findings.report(Code::NoContainer, name, message);
            None
        }
        Some(container) => {
            let resource = resource?;
            let resources = container.get("resources");
            let is_there = is_requested(&resources, resource) || has_default(input, resource);
            let (containers, lacking) = (vec![container.described()], vec![resources]);
            (!is_there).then(|| Lack { at: at.clone(), resource, containers, lacking })
        }
    }
}

/// The containers that run as long as the pod: those that metrics are taken of.
fn scaled_containers<'d>(workload: &Workload<'d>) -> impl Iterator<Item = Container<'d>> + use<'d> {
    workload.containers().filter(|container| matches!(container.class, Class::Main | Class::Sidecar))
}

fn is_requested(resources: &View<'_>, resource: &str) -> bool {
    let amount = |list| Quantity::from_view(&resources.get(list).get(resource));
    ["requests", "limits"].into_iter().any(|list| amount(list).is_some_and(Quantity::is_positive))
}

fn has_default(input: &Input<'_, Parameters>, resource: &str) -> bool {
    limit_range::default_request(input, resource).is_some()
}
