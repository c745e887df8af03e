use policy_sdk::kubernetes::limit_range::{self, LimitRanges};
use policy_sdk::parameter::QuantityParameter;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// CPU limits follow the team's policy
    ///
    /// With `mode: required` every main container and sidecar has a `limits.cpu` above 0; a limit of the pod as a whole
    /// (`spec.resources`) and the default of a LimitRange of the namespace count. With `mode: forbidden` no main
    /// container or sidecar has one, unless it asks for whole CPUs of its own: requests and limits of CPU and memory are
    /// equal, and the CPU is a whole number. With `mode: optional`, the default, nothing is checked, since good reasons
    /// exist for both.
    ///
    /// The fix of a missing limit needs a person, and `default_cpu`.
    ///
    /// ## Why
    /// A limit keeps one container from slowing down its neighbours, and makes load tests repeatable. Without a limit
    /// a container may use what is idle on the node, and is never throttled. Where each team decides anew, the cluster
    /// has neither advantage.
    ///
    /// ## Fix
    /// Where limits are required, set one that leaves room for peaks:
    /// `resources: {requests: {cpu: 100m}, limits: {cpu: 500m}}`. Where they are forbidden, remove `limits.cpu` and keep
    /// the request.
    findings: {
        /// A container has no CPU limit, and the policy requires one
        Missing: Low, Certain;
        /// A container has a CPU limit, and the policy forbids it
        Forbidden: Low, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Concurrency,
    peers: [
        "KL:unset-cpu-requirements", "KS:container-resources", "PO:cpuLimitsMissing", "KC:C-0270", "KC:C-0050",
        "CK:CKV_K8S_11", "TR:KSV-0011", "KY:require-cpu-limits", "KY:forbid-cpu-limits", "GK:containerlimits",
        "GK:containerresources",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [LimitRanges],
    reads: [
        "pod.spec.resources.limits.cpu",
        "container.resources.requests.cpu", "container.resources.limits.cpu",
        "container.resources.requests.memory", "container.resources.limits.memory",
    ],
    parameters: {
        /// What holds for CPU limits.
        mode: Mode = Mode::Optional,
        /// The limit that the fix sets.
        default_cpu: Option<QuantityParameter> = None,
    },
}

policy_sdk::choice! {
    /// What holds for CPU limits.
    pub Mode { Optional = "optional", Required = "required", Forbidden = "forbidden" }
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let pod_limit = workload.spec().at("resources.limits.cpu");
    let running = workload.containers().filter(|it| matches!(it.class, Class::Main | Class::Sidecar));
    match input.parameters.mode {
        Mode::Optional => return not_applicable("CPU limits are optional (parameter `mode`)"),
        Mode::Required => {
            let is_given = is_positive(&pod_limit) || limit_range::default_limit(input, "cpu").is_some();
            for container in running.filter(|container| !is_positive(&container.limit("cpu"))) {
                let limit = container.limit("cpu");
                let message = match limit.scalar_text() {
                    Some(text) => format!("{} limits cpu to `{text}`, expected more than 0", container.described()),
                    None if is_given => continue,
                    None => format!("{} has no CPU limit, and the policy requires one", container.described()),
                };
                findings.report(Code::Missing, &limit, message).fix(added(input, &container));
            }
        }
        Mode::Forbidden => {
            let of_containers = running.filter(|container| !has_whole_cpus(container));
            let limits = of_containers.map(|container| (container.described(), container.limit("cpu")));
            for (name, limit) in limits.chain([("the pod".to_owned(), pod_limit)]) {
                if let Some(text) = limit.scalar_text() {
                    let message = format!("{name} limits cpu to `{text}`, and the policy forbids CPU limits");
                    let fix = Fix::unsafe_("remove the CPU limit").remove(&limit);
                    findings.report(Code::Forbidden, &limit, message).fix(fix);
                }
            }
        }
    }
    Ok(())
}

fn is_positive(quantity: &View<'_>) -> bool {
    Quantity::from_view(quantity).is_some_and(Quantity::is_positive)
}

/// Whether the CPU manager gives the container CPUs of its own: with requests that equal the limits (which they do
/// where only limits are written) and a whole number of CPUs.
fn has_whole_cpus(container: &Container<'_>) -> bool {
    let is_fixed = |resource: &str| {
        let limit = Quantity::from_view(&container.limit(resource));
        let request = Quantity::from_view(&container.request(resource)).or(limit);
        limit.filter(|limit| limit.is_positive() && Some(*limit) == request)
    };
    is_fixed("cpu").is_some_and(|cpu| cpu.milli() % 1000 == 0) && is_fixed("memory").is_some()
}

/// The configured limit, unless the container requests more.
fn added(input: &Input<'_, Parameters>, container: &Container<'_>) -> Option<Fix> {
    let default = input.parameters.default_cpu.as_ref()?;
    let is_enough = Quantity::from_view(&container.request("cpu")).is_none_or(|request| request <= default.value);
    let fix = Fix::unsafe_(format!("limit cpu to `{}`", default.text)).set(&container.limit("cpu"), &default.text);
    is_enough.then_some(fix)
}
