use policy_sdk::kubernetes::autoscaling::{self, VerticalAutoscalers};
use policy_sdk::kubernetes::limit_range::{self, LimitRanges};
use policy_sdk::parameter::{QuantityParameter, quantity};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers request CPU and memory
    ///
    /// Every main container, init container and sidecar sets `resources.requests.cpu` and
    /// `resources.requests.memory` to more than nothing. A request of the pod as a whole
    /// (`spec.resources`) stands for those of all containers. A limit counts as a request, which is what the API
    /// server makes of it, and so does the default of a LimitRange; a VerticalPodAutoscaler that may act sets
    /// them. Ephemeral containers cannot have any. Each container is reported once. A text that is no quantity is
    /// requests-not-above-limits's.
    ///
    /// The fix takes a default, but no more than the container's limit, and than what a limit of the pod as a whole
    /// leaves for each container that lacks a request. It needs a person.
    ///
    /// ## Why
    /// The scheduler places pods by their requests. Without them it overfills nodes, the pod is
    /// among the first to be evicted, and a HorizontalPodAutoscaler cannot compute utilisation.
    ///
    /// ## Fix
    /// Set both requests to what the container uses in a normal hour.
    findings: {
        /// A container requests no CPU, no memory, or neither
        Missing: Medium, Certain;
        /// A request is nothing
        Zero: Medium, Certain;
        /// An init container lacks a request
        MissingInInit: Low, Certain;
        /// A Pod that nothing owns lacks a request
        MissingInPod: Low, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Concurrency,
    peers: [
        "KL:unset-cpu-requirements", "KL:unset-memory-requirements", "KS:container-resources", "PO:cpuRequestsMissing",
        "PO:memoryRequestsMissing", "KC:C-0268", "KC:C-0269", "KC:C-0009", "CK:CKV_K8S_10", "CK:CKV_K8S_12",
        "TR:KSV-0015", "TR:KSV-0016", "KY:require-pod-requests-limits", "GK:containerrequests", "GK:containerresources",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [LimitRanges, VerticalAutoscalers],
    reads: [
        "pod.spec.resources.requests",
        "pod.spec.resources.limits",
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

const RESOURCES: [&str; 2] = ["cpu", "memory"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let pod_requests = workload.spec().at("resources.requests");
    let needed = RESOURCES.into_iter().filter(|resource| {
        let by_pod = input.parameters.accept_pod_level && is_positive(&pod_requests.get(resource));
        !by_pod && limit_range::default_request(input, resource).is_none()
    });
    let needed: Vec<&str> = needed.collect();
    if autoscaling::sets_requests(input) {
        return Ok(());
    }
    let containers: Vec<Container<'_>> =
        workload.containers().filter(|container| is_judged(container, &input.parameters)).collect();
    let has_nothing = |container: &Container<'_>| {
        ["requests", "limits"].iter().all(|list| container.at("resources").get(list).is_empty())
    };
    let is_best_effort = needed.len() == RESOURCES.len() && containers.iter().all(has_nothing);
    for (index, container) in containers.iter().enumerate() {
        let zero: Vec<&str> = needed.iter().copied().filter(|resource| is_zero(container, resource)).collect();
        let missing: Vec<&str> = needed.iter().copied().filter(|resource| is_missing(container, resource)).collect();
        if zero.is_empty() && missing.is_empty() {
            continue;
        }
        let mut parts: Vec<String> = zero
            .iter()
            .map(|resource| {
                let written = container.request(resource).scalar_text().unwrap_or_default();
                format!("requests `{written}` of {resource}, expected a quantity above 0")
            })
            .collect();
        if !missing.is_empty() {
            parts.push(format!("requests no {}", missing.join(" and no ")));
        }
        let what = parts.join(", and ");
        let evicted =
            if is_best_effort && index == 0 { "; no container does, so the pod is evicted first" } else { "" };
        let message = format!("{} {what}{evicted}", container.described());
        let (code, place) = match zero.first() {
            Some(resource) => (Code::Zero, container.request(resource)),
            None if container.class == Class::Init => (Code::MissingInInit, container.get("resources")),
            None if workload.kind() == "Pod" => (Code::MissingInPod, container.get("resources")),
            None => (Code::Missing, container.get("resources")),
        };
        let lacking: Vec<&str> = zero.into_iter().chain(missing).collect();
        findings.report(code, &place, message).fix(fix(input, &containers, container, &lacking));
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

/// Whether a request is written that asks for nothing.
fn is_zero(container: &Container<'_>, resource: &str) -> bool {
    Quantity::from_view(&container.request(resource)).is_some_and(|request| !request.is_positive())
}

/// Whether there is neither a request nor a limit, which would be one.
fn is_missing(container: &Container<'_>, resource: &str) -> bool {
    container.request(resource).scalar_text().is_none() && !is_positive(&container.limit(resource))
}

fn is_positive(quantity: &View<'_>) -> bool {
    Quantity::from_view(quantity).is_some_and(Quantity::is_positive)
}

fn fix(
    input: &Input<'_, Parameters>,
    containers: &[Container<'_>],
    container: &Container<'_>,
    lacking: &[&str],
) -> Option<Fix> {
    let amount = |resource: &&str| {
        let Parameters { default_cpu, default_memory, .. } = &input.parameters;
        let default = if *resource == "cpu" { default_cpu } else { default_memory };
        let limit = container.limit(resource);
        let bound = Quantity::from_view(&limit).filter(|limited| limited.is_positive() && *limited < default.value);
        let (value, text) = match bound {
            Some(bound) => (bound, limit.scalar_text().unwrap_or_default().trim_ascii().to_owned()),
            None => (default.value, default.text.clone()),
        };
        let text = match share(input, containers, resource) {
            Some(share) if share < value => written(share, resource)?,
            _ => text,
        };
        Some((container.request(resource), text))
    };
    // Where the pod's limit leaves nothing there is no request that the API server takes.
    let amounts: Vec<(View<'_>, String)> = lacking.iter().map(amount).collect::<Option<_>>()?;
    let wanted: Vec<String> =
        lacking.iter().zip(&amounts).map(|(resource, (_, text))| format!("`{text}` of {resource}")).collect();
    let fix = Fix::unsafe_(format!("request {}", wanted.join(" and ")));
    Some(amounts.iter().fold(fix, |fix, (view, text)| fix.set(view, text)))
}

/// What a limit of the pod as a whole leaves for each container that lacks a request; none where there is no limit.
fn share(input: &Input<'_, Parameters>, containers: &[Container<'_>], resource: &str) -> Option<Quantity> {
    let limit = Quantity::from_view(&input.workload().spec().at("resources.limits").get(resource))?;
    let lacks = |container: &&Container<'_>| is_zero(container, resource) || is_missing(container, resource);
    let (without, with): (Vec<_>, Vec<_>) = containers.iter().partition(lacks);
    let requested = |container: &&Container<'_>| {
        let request = container.request(resource);
        let counts = if request.exists() { request } else { container.limit(resource) };
        Quantity::from_view(&counts)
    };
    let taken = with.iter().filter_map(requested).try_fold(Quantity::ZERO, Quantity::checked_add)?;
    let rest = limit.nano().saturating_sub(taken.nano());
    let each = rest.checked_div(i128::try_from(without.len()).ok()?)?;
    Some(Quantity::from_nano(each))
}

/// A quantity as people write it, rounded down: thousandths of a core, else mebibytes, else bytes; none of nothing.
fn written(quantity: Quantity, resource: &str) -> Option<String> {
    const MEBI: i128 = 1 << 20;
    let bytes = quantity.nano() / 1_000_000_000;
    let (amount, unit) = match resource {
        "cpu" => (quantity.nano() / 1_000_000, "m"),
        _ if bytes >= MEBI => (bytes / MEBI, "Mi"),
        _ => (bytes, ""),
    };
    (amount > 0).then(|| format!("{amount}{unit}"))
}
