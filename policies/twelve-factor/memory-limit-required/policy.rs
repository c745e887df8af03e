use policy_sdk::parameter::{QuantityParameter, quantity};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers have a memory limit
    ///
    /// Every main container, init container and sidecar sets `resources.limits.memory` to more than
    /// nothing and, where a maximum is given, to no more than that. A limit of the pod as a whole
    /// (`spec.resources`) stands for those of all containers. Ephemeral containers cannot have any.
    ///
    /// ## Why
    /// A leak without a limit takes the node's memory, and the kernel then kills whatever it finds
    /// there. With a limit only the container that leaks is restarted.
    ///
    /// ## Fix
    /// Set the limit to the peak that the container is known to need, with some headroom.
    severity: High,
    priority: P0,
    effort: Small,
    factor: "VIII Concurrency",
    aliases: [
        "KL:unset-memory-requirements", "KS:container-resources", "PO:memoryLimitsMissing", "KC:C-0271",
        "KC:C-0004", "CK:CKV_K8S_13", "TR:KSV-0018", "KY:require-pod-requests-limits", "GK:containerlimits",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "pod.spec.resources.limits.memory",
        "container.resources.requests.memory",
        "container.resources.limits.memory",
    ],
    parameters: {
        /// The highest limit allowed.
        max_memory: Option<QuantityParameter> = None,
        /// The limit that the fix sets; a request above it becomes the limit.
        default_memory: QuantityParameter = quantity("256Mi"),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let pod_limit = workload.spec().at("resources.limits.memory");
    let pod_is_limited = is_positive(&pod_limit);
    judge_maximum(input, "the pod", &pod_limit, findings);
    for container in workload.containers().filter(|container| container.class != Class::Ephemeral) {
        let limit = container.limit("memory");
        let name = container.described();
        if is_positive(&limit) {
            judge_maximum(input, &name, &limit, findings);
            continue;
        }
        let message = match limit.scalar_text() {
            Some(text) => format!("{name} limits memory to `{text}`, expected a quantity above 0"),
            None if pod_is_limited => continue,
            None => format!("{name} has no memory limit"),
        };
        findings.report(&limit, message).code("missing").fix(fix(input, &container));
    }
    Ok(())
}

fn judge_maximum(input: &Input<'_, Parameters>, name: &str, limit: &View<'_>, findings: &mut Findings) {
    let Some(max) = &input.parameters.max_memory else { return };
    if Quantity::from_view(limit).is_some_and(|limit| limit > max.value) {
        let message = format!(
            "{name} limits memory to `{}`, expected at most `{}`",
            limit.scalar_text().unwrap_or_default(),
            max.text
        );
        findings.report(limit, message).code("too-high");
    }
}

fn is_positive(quantity: &View<'_>) -> bool {
    Quantity::from_view(quantity).is_some_and(Quantity::is_positive)
}

/// The default, or the request where that is higher, but no more than the maximum.
fn fix(input: &Input<'_, Parameters>, container: &Container<'_>) -> Option<Fix> {
    let request = container.request("memory");
    let Parameters { max_memory, default_memory } = &input.parameters;
    let max = max_memory.as_ref().filter(|max| max.value < default_memory.value);
    let default = max.unwrap_or(default_memory);
    let limit = match Quantity::from_view(&request).filter(|request| *request > default.value) {
        Some(request) if max_memory.as_ref().is_some_and(|max| request > max.value) => return None,
        Some(_) => request.scalar_text()?,
        None => &default.text,
    };
    Some(Fix::unsafe_(format!("limit memory to `{limit}`")).set(&container.limit("memory"), limit))
}
