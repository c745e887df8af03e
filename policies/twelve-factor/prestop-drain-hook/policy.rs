use policy_sdk::prelude::*;
use policy_sdk::version::major_minor;
use policy_sdk::{image, shutdown};

policy_sdk::rule! {
    /// Serving containers wait before they stop
    ///
    /// Every main container with a port of a Deployment, StatefulSet or Rollout has a
    /// `lifecycle.preStop` hook of an accepted type: a `sleep` of at least `min_sleep` seconds, an `exec`
    /// whose command certainly sleeps that long, or an `httpGet` of the server's own drain endpoint.
    /// Workloads whose server drains by itself are exempt by a label.
    ///
    /// The fix adds the `sleep` action where there is no hook, and raises the grace period so that
    /// the server keeps `shutdown_budget` seconds to stop. On clusters before
    /// `k8s_min_version_for_sleep`, which refuse the action, it runs `sleep` in the image's shell
    /// instead. That, and a longer `sleep` where a shorter one is written, needs a person.
    ///
    /// ## Why
    /// Load balancers go on sending requests for some seconds after a pod was told to stop. A server
    /// that stops at once refuses them: every rollout drops requests.
    ///
    /// ## Fix
    /// Set `lifecycle: {preStop: {sleep: {seconds: 5}}}`; it needs no shell in the image.
    severity: High,
    priority: P0,
    effort: Small,
    factor: "IX Disposability",
    since: "0.1.0",
    applies_to: ["workload/Deployment", "workload/StatefulSet", "workload/Rollout"],
    reads: [
        "object.metadata.labels",
        "pod.metadata.labels",
        "pod.spec.terminationGracePeriodSeconds",
        "main_container.image",
        "main_container.ports[*].containerPort",
        "main_container.lifecycle.preStop.sleep.seconds",
        "main_container.lifecycle.preStop.exec.command",
        "main_container.lifecycle.preStop.httpGet.port",
        "main_container.lifecycle.preStop.tcpSocket.port",
    ],
    parameters: {
        /// The seconds to wait, at least.
        min_sleep: i64 = 5,
        /// The types of hook that count.
        accept: Vec<String> = policy_sdk::parameter::list(["sleep", "exec", "httpGet"]),
        /// The first Kubernetes version with the `sleep` action.
        k8s_min_version_for_sleep: String = "1.30".into(),
        /// The Kubernetes version of the clusters.
        k8s_version: String = "1.35".into(),
        /// The label of workloads whose server drains by itself.
        self_draining_label: String = "policy/drains-itself".into(),
        /// The seconds that the fix leaves the server to stop after the hook.
        shutdown_budget: i64 = 30,
        /// Images, as globs, without a shell: the fix runs none there.
        shellless_images: Vec<String> =
            policy_sdk::parameter::list(["gcr.io/distroless/*", "cgr.dev/chainguard/static*"]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let Parameters { min_sleep, accept, self_draining_label, k8s_version, .. } = &input.parameters;
    if workload.label(self_draining_label).is_some_and(|value| value != "false") {
        return not_applicable(format!("its label `{self_draining_label}` says that the server drains by itself"));
    }
    if !workload.declares_ports() {
        return not_applicable("no container declares a port");
    }
    for container in workload.main_containers().filter(|container| container.declares_ports()) {
        let hook = shutdown::pre_stop(&container);
        let name = container.described();
        let Some((handler, settings)) = hook.handlers().next() else {
            let message = format!("{name} serves but has no `preStop` hook, expected a wait of {min_sleep} seconds");
            findings.report(&hook, message).code("missing").fix(added_hook(input, &container));
            continue;
        };
        let seconds = shutdown::hook_seconds(&hook);
        if !accept.iter().any(|accepted| accepted == handler) {
            let message =
                format!("the `preStop` hook of {name} is `{handler}`, expected one of `{}`", accept.join("`, `"));
            findings.report(&settings, message).code("type");
        } else if handler == "sleep" && !has_sleep_action(&input.parameters) {
            let message = format!("{name} uses the `sleep` action, which Kubernetes {k8s_version} does not have");
            findings.report(&settings, message).code("unsupported");
        } else if handler != "httpGet" && seconds.is_none_or(|seconds| seconds < *min_sleep) {
            let waits = seconds.map_or("does not certainly wait".into(), |seconds| format!("waits {seconds} seconds"));
            let message = format!("the `preStop` hook of {name} {waits}, expected at least {min_sleep} seconds");
            let longer = (handler == "sleep").then(|| {
                let fix = Fix::unsafe_(format!("wait {min_sleep} seconds before stopping"));
                with_grace(input, fix.set(&settings.get("seconds"), *min_sleep))
            });
            findings.report(&settings, message).code("too-short").fix(longer);
        }
    }
    Ok(())
}

fn added_hook(input: &Input<'_, Parameters>, container: &Container<'_>) -> Option<Fix> {
    let seconds = input.parameters.min_sleep;
    let title = format!("wait {seconds} seconds before stopping");
    let hook = container.at("lifecycle.preStop");
    if has_sleep_action(&input.parameters) {
        return Some(with_grace(
            input,
            Fix::safe(title).set(&hook, object! { "sleep": object! { "seconds": seconds } }),
        ));
    }
    if input.parameters.shellless_images.iter().any(|glob| image::glob_match(glob, container.image())) {
        return None;
    }
    let command = ["/bin/sh".to_owned(), "-c".to_owned(), format!("sleep {seconds}")];
    Some(with_grace(input, Fix::unsafe_(title).set(&hook, object! { "exec": object! { "command": command } })))
}

/// Raises the grace period where the wait would leave the server less time than its budget.
fn with_grace(input: &Input<'_, Parameters>, fix: Fix) -> Fix {
    let workload = input.workload();
    let needed = input.parameters.min_sleep + input.parameters.shutdown_budget;
    if shutdown::grace_seconds(&workload) >= needed {
        return fix;
    }
    fix.set(&shutdown::grace_period(&workload), needed)
}

fn has_sleep_action(parameters: &Parameters) -> bool {
    major_minor(&parameters.k8s_version) >= major_minor(&parameters.k8s_min_version_for_sleep)
}
