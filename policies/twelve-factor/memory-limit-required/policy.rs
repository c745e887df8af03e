use policy_sdk::kubernetes::limit_range::{self, LimitRanges};
use policy_sdk::parameter::QuantityParameter;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers have a memory limit
    ///
    /// Every main container, init container and sidecar sets `resources.limits.memory` to more than
    /// nothing and, where a maximum is given, to no more than that. A limit of the pod as a whole
    /// (`spec.resources`) stands for those of all containers, and so does the default of a LimitRange of the
    /// namespace. Ephemeral containers cannot have any.
    ///
    /// The fix needs a person, and a value: a request, or `default_memory`.
    ///
    /// ## Why
    /// A leak without a limit takes the node's memory, and the kernel then kills whatever it finds
    /// there. With a limit only the container that leaks is restarted.
    ///
    /// ## Fix
    /// Set the limit to the peak that the container is known to need, with some headroom.
    findings: {
        /// A container has no limit
        Missing: Medium, Certain;
        /// An init container has no limit
        MissingInInit: Low, Certain;
        /// The limit is nothing, or no quantity
        Zero: Medium, Certain;
        /// The limit is above the maximum
        TooHigh: Medium, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Concurrency,
    peers: [
        "KL:unset-memory-requirements", "KS:container-resources", "PO:memoryLimitsMissing", "KC:C-0271", "KC:C-0004",
        "CK:CKV_K8S_13", "TR:KSV-0018", "KY:require-pod-requests-limits", "GK:containerlimits", "GK:containerresources",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [LimitRanges],
    reads: [
        "pod.spec.resources.limits.memory",
        "container.resources.requests.memory",
        "container.resources.limits.memory",
    ],
    parameters: {
        /// The highest limit allowed.
        max_memory: Option<QuantityParameter> = None,
        /// The limit that the fix sets; a request above it becomes the limit.
        default_memory: Option<QuantityParameter> = None,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let pod_limit = workload.spec().at("resources.limits.memory");
    let has_default = is_positive(&pod_limit) || limit_range::default_limit(input, "memory").is_some();
    judge_maximum(input, "the pod", &pod_limit, findings);
    for container in workload.containers().filter(|container| container.class != Class::Ephemeral) {
        let limit = container.limit("memory");
        let name = container.described();
        if is_positive(&limit) {
            judge_maximum(input, &name, &limit, findings);
            continue;
        }
        let (code, message) = match (limit.scalar_text(), container.class) {
            (Some(text), _) => (Code::Zero, format!("{name} limits memory to `{text}`, expected a quantity above 0")),
            (None, _) if has_default => continue,
            (None, Class::Init) => (Code::MissingInInit, format!("{name} has no memory limit")),
            (None, _) => (Code::Missing, format!("{name} has no memory limit: a leak takes the node's memory")),
        };
        findings.report(code, &limit, message).fix(fix(input, &container));
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
        findings.report(Code::TooHigh, limit, message);
    }
}

fn is_positive(quantity: &View<'_>) -> bool {
    Quantity::from_view(quantity).is_some_and(Quantity::is_positive)
}

/// The default or the request, whichever is higher, but no more than the maximum.
fn fix(input: &Input<'_, Parameters>, container: &Container<'_>) -> Option<Fix> {
    let request = container.request("memory");
    let requested = Quantity::from_view(&request).filter(|request| request.is_positive());
    let Parameters { max_memory, default_memory } = &input.parameters;
    let default = default_memory.as_ref().filter(|default| requested.is_none_or(|requested| requested < default.value));
    let (value, text) = match default {
        Some(default) => (default.value, default.text.as_str()),
        None => (requested?, request.scalar_text()?),
    };
    let text = match max_memory.as_ref().filter(|max| value > max.value) {
        Some(max) if requested.is_none_or(|requested| requested <= max.value) => max.text.as_str(),
        Some(_) => return None,
        None => text,
    };
    Some(Fix::unsafe_(format!("limit memory to `{text}`")).set(&container.limit("memory"), text))
}
