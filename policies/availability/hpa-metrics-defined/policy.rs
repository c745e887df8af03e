use policy_sdk::kubernetes::autoscaling::{self, OwnAutoscaler, ScaleTarget};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// An autoscaler scales by utilisation that can be reached
    ///
    /// The `averageUtilization` of a HorizontalPodAutoscaler, for the metrics `Resource` and `ContainerResource`, and
    /// `targetCPUUtilizationPercentage` of `autoscaling/v1`, lie between `min_utilization` and `max_utilization`, and
    /// below what the containers can use: with a request of `500m` and a limit of `500m`, utilisation never exceeds 100
    /// %. That can be computed where the workload is among the documents and every container that counts has both a
    /// request and a limit.
    ///
    /// Without metrics Kubernetes scales by 80 % of CPU, which `require_metrics` reports. The version `autoscaling/v1`
    /// is fine: Kubernetes still serves it. Versions that it no longer serves are for `deprecated-api-version`.
    ///
    /// ## Why
    /// A target that utilisation never reaches means that the autoscaler never adds a replica. A very low one keeps
    /// many idle replicas, a very high one leaves no time to start new ones.
    ///
    /// ## Fix
    /// Choose a target between 50 and 80, and give containers a limit that is well above their request, or no CPU
    /// limit at all.
    findings: {
        /// Containers cannot use as much as the target asks for
        Unreachable: Medium, Certain;
        /// The target is very low or very high
        OutOfRange: Low, Certain;
        /// No metric is written: it scales by 80 % of CPU
        NoMetrics: Info, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Concurrency,
    since: "0.1.0",
    applies_to: ["autoscaling/HorizontalPodAutoscaler"],
    uses: [OwnAutoscaler, ScaleTarget],
    parameters: {
        /// The lowest target, in percent of the request.
        min_utilization: Bounded<1, 100> = Bounded::of(20),
        /// The highest target, in percent of the request.
        max_utilization: Bounded<1, 1000> = Bounded::of(95),
        /// Report an autoscaler without metrics.
        require_metrics: bool = false,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let metrics = autoscaling::own_metrics(input);
    let v1 = input.document.at("spec.targetCPUUtilizationPercentage");
    if v1.exists() {
        judge(input, &v1, "cpu", None, findings);
    } else if metrics.is_empty() && input.parameters.require_metrics {
        findings.report(Code::NoMetrics, &metrics, "it has no metrics, so it scales by 80 % of the CPU requests");
    }
    for metric in metrics.items() {
        // The versions before `v2` have the target beside the name.
        let source = match metric.get("type").text() {
            "Resource" => metric.get("resource"),
            "ContainerResource" => metric.get("containerResource"),
            _ => continue,
        };
        let target = [source.at("target.averageUtilization"), source.get("targetAverageUtilization")];
        if let Some(target) = target.iter().find(|target| target.exists()) {
            judge(input, target, source.get("name").text(), source.get("container").as_str(), findings);
        }
    }
    Ok(())
}

fn judge(
    input: &Input<'_, Parameters>,
    target: &View<'_>,
    resource: &str,
    container: Option<&str>,
    findings: &mut Findings,
) {
    let Some(percent) = target.as_i64() else { return };
    let (least, most) = (input.parameters.min_utilization.get(), input.parameters.max_utilization.get());
    let highest = autoscaling::scale_target(input).and_then(|workload| {
        let highest = highest(&workload.workload(), resource, container)?;
        Some((workload, highest))
    });
    if let Some((workload, highest)) = highest.filter(|(_, highest)| i128::from(percent) >= *highest) {
        let (kind, name) = (workload.kind(), workload.name());
        let message = format!(
            "the target is {percent} % of the `{resource}` requests, and by their limits the containers of {kind} \
             `{name}` use at most {highest} %: it never scales up"
        );
        let report = findings.report(Code::Unreachable, target, message);
        let limits = counted(&workload.workload(), container).next().map(|container| container.limit(resource));
        if let Some(limit) = limits {
            report.label_in(&workload, &limit, "the limit");
        }
    } else if percent < least || percent > most {
        let message = format!("the target is {percent} % of the `{resource}` requests, expected {least} to {most}");
        findings.report(Code::OutOfRange, target, message);
    }
}

/// The utilisation in percent that the containers can have at the most, rounded down; `None` where one of them has no
/// request or no limit.
fn highest(workload: &Workload<'_>, resource: &str, container: Option<&str>) -> Option<i128> {
    if workload.spec().get("resources").exists() {
        return None;
    }
    let (mut requests, mut limits) = (Quantity::ZERO, Quantity::ZERO);
    for container in counted(workload, container) {
        let limit = Quantity::from_view(&container.limit(resource))?;
        let request = container.request(resource);
        // The API server takes the limit for the request where there is none.
        let request = if request.exists() { Quantity::from_view(&request)? } else { limit };
        requests = requests.checked_add(request)?;
        limits = limits.checked_add(limit)?;
    }
    requests.is_positive().then(|| limits.nano().saturating_mul(100) / requests.nano())
}

/// The containers whose use counts: those that run as long as the pod, or the one that is named.
fn counted<'d>(workload: &Workload<'d>, name: Option<&str>) -> impl Iterator<Item = Container<'d>> {
    let runs = |container: &Container<'_>| matches!(container.class, Class::Main | Class::Sidecar);
    workload.containers().filter(move |it| runs(it) && name.is_none_or(|name| it.name() == name))
}
