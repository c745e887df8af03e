use policy_sdk::kubernetes::serving::{self, Services};
use policy_sdk::kubernetes::shutdown::{self, HookHandler, Shutdown};
use policy_sdk::parameter::{self, Bounded};
use policy_sdk::prelude::*;
use policy_sdk::settings::{KubernetesVersion, ShutdownSeconds};
use policy_sdk::tables::shellless_images::{self, ShelllessImages};

policy_sdk::rule! {
    /// Serving containers wait before they stop
    ///
    /// Every main container of a Deployment, StatefulSet or Rollout that a Service of its namespace sends to has a
    /// `lifecycle.preStop` hook of an accepted type: a `sleep` of at least `min_sleep` seconds, an `exec`
    /// that sleeps that long or runs a program of the server's own, or an `httpGet` of its drain endpoint.
    /// Workloads whose server drains by itself are exempt by a label. The rule skips ports for metrics, the
    /// strategy `Recreate`, headless Services of StatefulSets, whose peers choose for themselves whom they ask,
    /// and containers with the image `auto`, for which Istio puts its own.
    ///
    /// The fix adds the `sleep` action where there is no hook, and raises the grace period where the server would
    /// keep less than `shutdown_budget` seconds to stop. On clusters before
    /// `k8s_min_version_for_sleep`, which refuse the action, it runs `sleep` in the image's shell
    /// instead. That needs a person, as does a longer `sleep` where a shorter one is written, or any where the grace
    /// period is not the default of 30 seconds.
    ///
    /// ## Why
    /// Load balancers go on sending requests for some seconds after a pod was told to stop. A server
    /// that stops at once refuses them: every rollout drops requests.
    ///
    /// ## Fix
    /// Set `lifecycle: {preStop: {sleep: {seconds: 5}}}`; it needs no shell in the image.
    findings: {
        /// A container that a Service sends to has no hook
        Missing: Medium, Likely;
        /// The API server of these clusters refuses the `sleep` action
        Unsupported: High, Certain;
        /// The hook waits, but not for long enough
        TooShort: Low, Likely;
        /// The hook is of a type that is not accepted
        Type: Low, Certain;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: [
        "workload/Deployment", "workload/StatefulSet", "workload/Rollout", "workload/CloneSet",
        "workload/DeploymentConfig",
    ],
    uses: [Services, Shutdown, KubernetesVersion, ShelllessImages, ShutdownSeconds],
    reads: [
        "object.metadata.labels",
        "object.spec.strategy.type",
        "main_container.image",
    ],
    parameters: {
        /// The seconds to wait, at least.
        min_sleep: Bounded<1, 3600> = Bounded::of(5),
        /// The types of hook that count.
        accept: Vec<HookHandler> = vec![HookHandler::Sleep, HookHandler::Exec, HookHandler::HttpGet],
        /// The label of workloads whose server drains by itself.
        self_draining_label: String = "policy/drains-itself".into(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let Parameters { min_sleep, accept, self_draining_label } = &input.parameters;
    let (min_sleep, accept) = (min_sleep.get(), parameter::words(accept));
    if workload.label(self_draining_label).is_some_and(|value| value != "false") {
        return not_applicable(format!("its label `{self_draining_label}` says that the server drains by itself"));
    }
    if workload.object.at("spec.strategy.type").text() == "Recreate" {
        return not_applicable("its strategy `Recreate` stops it before another starts");
    }
    let balances = |service: &Related<'_>| {
        workload.kind() != "StatefulSet" || service.document.at("spec.clusterIP").text() != "None"
    };
    let mut served = serving::served(input, balances);
    served.retain(|served| served.container.image() != "auto");
    if served.is_empty() {
        return not_applicable("no Service sends to its containers");
    }
    for container in served.into_iter().map(|served| served.container) {
        let hook = shutdown::pre_stop(&container);
        let name = container.described();
        let Some((handler, settings)) = hook.handlers().next() else {
            let message = format!("{name} serves but has no `preStop` hook, expected a wait of {min_sleep} seconds");
            findings.report(Code::Missing, &hook, message).fix(added_hook(input, &container));
            continue;
        };
        let seconds = shutdown::hook_seconds(&hook);
        if !accept.contains(&handler) {
            let message =
                format!("the `preStop` hook of {name} is `{handler}`, expected one of `{}`", accept.join("`, `"));
            findings.report(Code::Type, &settings, message);
        } else if handler == "sleep" && !has_sleep_action(input) {
            let version = input.setting::<KubernetesVersion>();
            let message = format!("{name} uses the `sleep` action, which Kubernetes {version} does not have");
            findings.report(Code::Unsupported, &settings, message);
        } else if let Some(seconds) = seconds.filter(|seconds| *seconds < min_sleep) {
            let message =
                format!("the `preStop` hook of {name} waits {seconds} seconds, expected at least {min_sleep}");
            let longer = (handler == "sleep").then(|| {
                let fix = Fix::unsafe_(format!("wait {min_sleep} seconds before stopping"));
                with_grace(input, fix.set(&settings.get("seconds"), min_sleep))
            });
            findings.report(Code::TooShort, &settings, message).fix(longer);
        }
    }
    Ok(())
}

fn added_hook(input: &Input<'_, Parameters>, container: &Container<'_>) -> Option<Fix> {
    let seconds = input.parameters.min_sleep.get();
    let title = format!("wait {seconds} seconds before stopping");
    let hook = container.at("lifecycle.preStop");
    if has_sleep_action(input) {
        // The API server writes the default into whatever it is sent, before it asks for admission.
        let grace = shutdown::grace_period(input);
        let is_default = !grace.exists() || grace.as_i64() == Some(shutdown::DEFAULT_GRACE_SECONDS);
        let fix = if is_default { Fix::safe(title) } else { Fix::unsafe_(title) };
        return Some(with_grace(input, fix.set(&hook, object! { "sleep": object! { "seconds": seconds } })));
    }
    if shellless_images::has(&input.setting::<ShelllessImages>().rows, container.image()) {
        return None;
    }
    let command = ["/bin/sh".to_owned(), "-c".to_owned(), format!("sleep {seconds}")];
    Some(with_grace(input, Fix::unsafe_(title).set(&hook, object! { "exec": object! { "command": command } })))
}

/// Raises the grace period where the wait would leave the server less time than its budget.
fn with_grace(input: &Input<'_, Parameters>, fix: Fix) -> Fix {
    let needed = input.parameters.min_sleep.get() + input.setting::<ShutdownSeconds>();
    if shutdown::grace_seconds(input) >= needed {
        return fix;
    }
    fix.set(&shutdown::grace_period(input), needed)
}

/// The `sleep` action is there since Kubernetes 1.30 (KEP-3960, on by default).
fn has_sleep_action(input: &Input<'_, Parameters>) -> bool {
    input.setting::<KubernetesVersion>().is_at_least(1, 30)
}
