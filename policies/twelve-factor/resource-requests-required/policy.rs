use policy_sdk::parameter::{QuantityParameter, quantity};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers request CPU and memory
    ///
    /// Every main container, init container and sidecar sets `resources.requests.cpu` and
    /// `resources.requests.memory` to more than nothing. A request of the pod as a whole
    /// (`spec.resources`) stands for those of all containers. Ephemeral containers cannot have any.
    ///
    /// The fix writes down what Kubernetes assumes where a limit is set: the limit. Otherwise it
    /// takes a default, but no more than the limit, which needs a person.
    ///
    /// ## Why
    /// The scheduler places pods by their requests. Without them it overfills nodes, the pod is
    /// among the first to be evicted, and a HorizontalPodAutoscaler cannot compute utilisation.
    ///
    /// ## Fix
    /// Set both requests to what the container uses in a normal hour.
    severity: Critical,
    priority: P0,
    effort: Small,
    factor: "VIII Concurrency",
    aliases: [
        "KL:unset-cpu-requirements", "KL:unset-memory-requirements", "KS:container-resources",
        "PO:cpuRequestsMissing", "PO:memoryRequestsMissing", "KC:C-0268", "KC:C-0269", "KC:C-0009",
        "CK:CKV_K8S_10", "CK:CKV_K8S_12", "TR:KSV-0015", "TR:KSV-0016", "KY:require-pod-requests-limits",
        "GK:containerrequests",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "pod.spec.resources.requests",
        "container.resources.requests",
        "container.resources.limits",
    ],
    parameters: {
        /// Accept requests of the pod as a whole.
        accept_pod_level: bool = true,
        /// Judge init containers too.
        include_init: bool = true,
        /// The CPU request that the fix sets where there is no limit.
        default_cpu: QuantityParameter = quantity("100m"),
        /// The memory request that the fix sets where there is no limit.
        default_memory: QuantityParameter = quantity("128Mi"),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let pod_requests = workload.spec().at("resources.requests");
    for (resource, default) in [("cpu", &input.parameters.default_cpu), ("memory", &input.parameters.default_memory)] {
        if input.parameters.accept_pod_level && is_positive(&pod_requests.get(resource)) {
            continue;
        }
        for container in workload.containers().filter(|container| is_judged(container, &input.parameters)) {
            let request = container.request(resource);
            if is_positive(&request) {
                continue;
            }
            let what = match request.scalar_text() {
                Some(text) => format!("requests `{text}` of {resource}, expected a quantity above 0"),
                None => format!("requests no {resource}"),
            };
            let message = format!("{} {what}", container.described());
            findings.report(&request, message).code(resource).fix(fix(&container, resource, default));
        }
    }
    Ok(())
}

fn is_judged(container: &Container<'_>, parameters: &Parameters) -> bool {
    match container.class {
        Class::Main | Class::Sidecar => true,
        Class::Init => parameters.include_init,
        Class::Ephemeral => false,
    }
}

fn is_positive(quantity: &View<'_>) -> bool {
    Quantity::from_view(quantity).is_some_and(Quantity::is_positive)
}

fn fix(container: &Container<'_>, resource: &str, default: &QuantityParameter) -> Fix {
    let (request, limit) = (container.request(resource), container.limit(resource));
    if is_positive(&limit) && !request.exists() {
        return Fix::safe(format!("request as much {resource} as the limit, as Kubernetes does")).set(&request, limit);
    }
    let bound = Quantity::from_view(&limit).filter(|limited| limited.is_positive() && *limited < default.value);
    let text = bound.and_then(|_| limit.scalar_text()).unwrap_or(&default.text);
    Fix::unsafe_(format!("request `{text}` of {resource}")).set(&request, text)
}
