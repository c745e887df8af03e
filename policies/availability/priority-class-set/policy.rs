use policy_sdk::kubernetes::priority::{self, OwnPriorityClass, PriorityClasses};
use policy_sdk::parameter;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Workloads declare one of the platform's PriorityClasses
    ///
    /// The rule does not apply until classes are configured, because their names differ from cluster to cluster: `apps`
    /// for what runs all the time, `batch` for Jobs and CronJobs, `platform` for all that is in one of
    /// `platform_namespaces`. Then `priorityClassName` is one of the classes of the workload's tier. Where nothing is
    /// written, a PriorityClass among the documents with `globalDefault: true` stands for it. The classes
    /// `system-node-critical` and `system-cluster-critical` pass everywhere unless `allow_system` is off; node agents
    /// rely on them.
    ///
    /// The fix writes the first class of the tier. It needs a person.
    ///
    /// ## Why
    /// Without classes all pods have the same priority. When nodes are full, a batch job keeps the space that a service
    /// needs, and nothing makes room for the service.
    ///
    /// ## Fix
    /// Set `priorityClassName` in the pod's `spec`.
    findings: {
        /// The pods declare no class
        Absent: Low, Certain;
        /// The class is not one of those of the tier
        NotAllowed: Low, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Disposability,
    peers: [
        "KL:priority-class-name", "PO:priorityClassNotSet", "KY:require-pod-priorityclassname",
        "KY:allowed-pod-priorities",
    ],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [OwnPriorityClass, PriorityClasses],
    parameters: {
        /// Classes of what runs on. Nothing is asked where there is none.
        apps: Vec<String> = Vec::new(),
        /// Classes of Jobs and CronJobs. Nothing is asked where there is none.
        batch: Vec<String> = Vec::new(),
        /// Classes of what is in a namespace of the platform. Nothing is asked where there is none.
        platform: Vec<String> = Vec::new(),
        /// Namespaces of the platform.
        platform_namespaces: Vec<String> = parameter::list(["kube-system"]),
        /// Let the classes that Kubernetes has itself pass everywhere.
        allow_system: bool = true,
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Parameters { apps, batch, platform, platform_namespaces, allow_system } = &input.parameters;
    let (tier, allowed) = if platform_namespaces.contains(&input.subject.namespace) {
        ("platform", platform)
    } else if input.workload().is_batch() {
        ("batch", batch)
    } else {
        ("apps", apps)
    };
    let Some(first) = allowed.first() else {
        return not_applicable(format!("no classes are configured for `{tier}`"));
    };
    let place = priority::class_name(input);
    let fix = || Fix::unsafe_(format!("set the class `{first}`")).set(&place, first);
    let name = place.text();
    let is_allowed = allowed.iter().any(|known| known == name) || *allow_system && priority::is_built_in(name);
    let expected = format!("expected `{}`", allowed.join("` or `"));
    if name.is_empty() {
        if priority::has_default(input) {
            return Ok(());
        }
        let message = format!("its pods have no `priorityClassName`, {expected}");
        findings.report(Code::Absent, &place, message).fix(fix());
    } else if !is_allowed {
        let message = format!("`priorityClassName` is `{name}`, {expected}");
        findings.report(Code::NotAllowed, &place, message).fix(fix());
    }
    Ok(())
}
