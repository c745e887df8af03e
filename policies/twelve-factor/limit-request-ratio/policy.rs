use policy_sdk::parameter::Decimal;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Limits stay near requests
    ///
    /// Where a main container, a sidecar or the pod as a whole (`spec.resources`) writes a request and a limit of memory,
    /// the limit is at most `max_memory_ratio` times the request; of CPU and of ephemeral storage likewise, where
    /// `max_cpu_ratio` and `max_ephemeral_storage_ratio` are set. What is written only once has no ratio: a request that
    /// is left out is the limit.
    ///
    /// ## Why
    /// The scheduler fills nodes by requests. Where the limits are many times higher, a node promises far more memory
    /// than it has, and when several containers use what they may, the kernel kills some of them.
    ///
    /// ## Fix
    /// Raise the request to what the container uses in normal operation, or lower the limit to its known peak:
    /// `resources: {requests: {memory: 128Mi}, limits: {memory: 256Mi}}`.
    findings: {
        /// A memory limit is too many times the request
        Memory: Low, Certain;
        /// A CPU limit is too many times the request
        Cpu: Low, Certain;
        /// A limit of ephemeral storage is too many times the request
        EphemeralStorage: Low, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Concurrency,
    peers: [
        "GK:containerresourceratios", "KY:enforce-resources-as-ratio", "KS:container-cpu-requests-equal-limits",
        "KS:container-memory-requests-equal-limits", "KS:container-resource-requests-equal-limits",
        "KS:container-ephemeral-storage-request-equals-limit",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    reads: [
        "pod.spec.resources.requests.cpu", "pod.spec.resources.limits.cpu",
        "pod.spec.resources.requests.memory", "pod.spec.resources.limits.memory",
        "container.resources.requests.cpu", "container.resources.limits.cpu",
        "container.resources.requests.memory", "container.resources.limits.memory",
        "container.resources.requests.ephemeral-storage", "container.resources.limits.ephemeral-storage",
    ],
    parameters: {
        /// How many times the CPU request the limit may be, at most.
        max_cpu_ratio: Option<Decimal> = None,
        /// How many times the request of ephemeral storage the limit may be, at most.
        max_ephemeral_storage_ratio: Option<Decimal> = None,
        /// How many times the memory request the limit may be, at most; 1 for limits that equal requests.
        max_memory_ratio: Option<Decimal> = Some(Decimal { milli: 2000 }),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let running = workload.containers().filter(|it| matches!(it.class, Class::Main | Class::Sidecar));
    let of_containers = running.map(|container| (container.described(), container.get("resources")));
    let Parameters { max_cpu_ratio, max_ephemeral_storage_ratio, max_memory_ratio } = input.parameters;
    let judged = [
        ("memory", Code::Memory, max_memory_ratio),
        ("cpu", Code::Cpu, max_cpu_ratio),
        ("ephemeral-storage", Code::EphemeralStorage, max_ephemeral_storage_ratio),
    ];
    for (name, resources) in of_containers.chain([("the pod".to_owned(), workload.spec().get("resources"))]) {
        for (resource, code, max) in judged {
            let (limit, request) = (resources.get("limits").get(resource), resources.get("requests").get(resource));
            let amounts = Quantity::from_view(&limit).zip(Quantity::from_view(&request));
            let amounts = amounts.filter(|(limit, request)| limit.is_positive() && request.is_positive());
            let (Some((most, least)), Some(max)) = (amounts, max) else { continue };
            let ratio = |milli: i128| most.nano().saturating_mul(1000) > least.nano().saturating_mul(milli);
            if !ratio(max.milli.into()) {
                continue;
            }
            let message = format!(
                "{name} limits {resource} to `{}`, {} times its request of `{}`, expected at most {} times",
                text(&limit),
                // Rounded up, so that it is never the maximum itself.
                decimal(most.nano().saturating_mul(100).saturating_add(least.nano() - 1) / least.nano() * 10),
                text(&request),
                decimal(max.milli.into()),
            );
            findings.report(code, &limit, message).label(&request, "the request");
        }
    }
    Ok(())
}

fn text<'d>(quantity: &View<'d>) -> &'d str {
    quantity.scalar_text().unwrap_or_default()
}

/// Thousandths as a number without needless zeros.
fn decimal(milli: i128) -> String {
    let text = format!("{}.{:03}", milli / 1000, milli % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
