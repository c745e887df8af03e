use policy_sdk::kubernetes::limit_range::{self, LimitRanges};
use policy_sdk::kubernetes::mount::{self, Mounts};
use policy_sdk::parameter::QuantityParameter;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Containers bound what they write to the node's disk
    ///
    /// Every container, but for ephemeral ones, has a limit of `ephemeral-storage` and, unless `require_request` is off,
    /// a request, which is the limit where only that is written. What a LimitRange of the namespace gives, and a limit of
    /// the pod as a whole, counts. A container with a read-only root file system that mounts no `emptyDir` on disk
    /// without `sizeLimit` writes nothing but logs and passes. Where `max` is set, no limit is above it.
    ///
    /// The fix needs a person, and `default_limit`.
    ///
    /// ## Why
    /// Files that a container writes, its logs and its `emptyDir` volumes lie on the node's own disk. When that is full
    /// the kubelet evicts pods, and not only the one that filled it.
    ///
    /// ## Fix
    /// Set `resources: {requests: {ephemeral-storage: 100Mi}, limits: {ephemeral-storage: 1Gi}}`, or make the root file
    /// system read-only and give each `emptyDir` a `sizeLimit`.
    findings: {
        /// A container has no limit, or no request
        Missing: Low, Certain;
        /// The limit is above the maximum
        TooHigh: Low, Certain;
    },
    priority: P3,
    effort: Small,
    factor: Processes,
    peers: ["KS:container-ephemeral-storage-request-and-limit", "GK:ephemeralstoragelimit"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [LimitRanges, Mounts],
    reads: [
        "pod.spec.resources.limits",
        "container.resources.requests",
        "container.resources.limits",
        "container.securityContext.readOnlyRootFilesystem",
    ],
    parameters: {
        /// The highest limit allowed.
        max: Option<QuantityParameter> = None,
        /// Ask for a request as well as for a limit.
        require_request: bool = true,
        /// The limit that the fix sets.
        default_limit: Option<QuantityParameter> = None,
    },
}

const RESOURCE: &str = "ephemeral-storage";

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let Parameters { max, require_request, default_limit } = &input.parameters;
    let pod_limit = workload.spec().at("resources.limits").get(RESOURCE);
    let has_limit = is_positive(&pod_limit) || limit_range::default_limit(input, RESOURCE).is_some();
    let has_request = has_limit || limit_range::default_request(input, RESOURCE).is_some();
    for container in workload.containers().filter(|container| container.class != Class::Ephemeral) {
        let (limit, request) = (container.limit(RESOURCE), container.request(RESOURCE));
        let is_above = |max: &QuantityParameter| Quantity::from_view(&limit).is_some_and(|limit| limit > max.value);
        if let Some(max) = max.as_ref().filter(|max| is_above(max)) {
            let text = limit.scalar_text().unwrap_or_default();
            let name = container.described();
            let message = format!("{name} limits ephemeral storage to `{text}`, expected at most `{}`", max.text);
            findings.report(Code::TooHigh, &limit, message);
        }
        let lacks_limit = !has_limit && !is_positive(&limit);
        let lacks_request = *require_request && !has_request && !request.exists() && !is_positive(&limit);
        let lack = match (lacks_limit, lacks_request) {
            (true, true) => "neither a request nor a limit",
            (true, false) => "no limit",
            (false, true) => "no request",
            (false, false) => continue,
        };
        if writes_nothing(&workload, &container) {
            continue;
        }
        let message = format!("{} has {lack} of ephemeral storage", container.described());
        let place = if lacks_limit { &limit } else { &request };
        let fix = default_limit.as_ref().filter(|_| lacks_limit).map(|default| {
            Fix::unsafe_(format!("limit ephemeral storage to `{}`", default.text)).set(&limit, &default.text)
        });
        findings.report(Code::Missing, place, message).fix(fix);
    }
    Ok(())
}

fn is_positive(quantity: &View<'_>) -> bool {
    Quantity::from_view(quantity).is_some_and(Quantity::is_positive)
}

/// Whether a container cannot fill the disk: it may write to no file of its own, and every `emptyDir` that it mounts
/// has a bound or is in memory.
fn writes_nothing(workload: &Workload<'_>, container: &Container<'_>) -> bool {
    let is_open = |mount: &mount::Mount<'_>| {
        let directory = mount.volume.get("emptyDir");
        mount.source() == "emptyDir"
            && !is_positive(&directory.get("sizeLimit"))
            && directory.get("medium").text() != "Memory"
    };
    container.security_context().get("readOnlyRootFilesystem").is_true()
        && !mount::mounts(workload, container).iter().any(is_open)
}
