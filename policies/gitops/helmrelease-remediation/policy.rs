use policy_sdk::kubernetes::flux::{self, OwnHelmRelease};
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// A failed upgrade of a HelmRelease is tried again or undone
    ///
    /// `upgrade` of a HelmRelease has `remediation.retries` other than 0, `remediation.remediateLastFailure: true`, or
    /// the strategy `RetryOnFailure`. With retries the last failure is undone too, unless `remediateLastFailure` is
    /// false. The history holds more than one version, so that there is one to go back to.
    ///
    /// A HelmRelease without `remediation` of its first installation is reported as information. One without a chart
    /// is a patch and not checked. Where a Kustomization of Flux patches HelmReleases the rule is not evaluated, since
    /// the patch may set all of this.
    ///
    /// There is no fix: whether the chart of a database may be rolled back is for a person to say.
    ///
    /// ## Why
    /// Without remediation a failed upgrade leaves the release in the state `failed`, and Flux does not touch it again
    /// until its chart or values change. The service runs in a mixture of both versions.
    ///
    /// ## Fix
    /// Say what happens when an upgrade fails:
    ///
    /// ```yaml
    /// spec:
    ///   install:
    ///     remediation:
    ///       retries: 3
    ///   upgrade:
    ///     remediation:
    ///       retries: 3
    ///       remediateLastFailure: true
    /// ```
    findings: {
        /// A failed upgrade stays as it is
        Upgrade: Medium, Likely;
        /// The last failure is not undone
        LastFailure: Medium, Certain;
        /// The history holds no version to go back to
        History: Medium, Certain;
        /// A failed installation stays as it is
        Install: Info, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["helm.toolkit.fluxcd.io/HelmRelease"],
    uses: [OwnHelmRelease],
    reads: ["spec.maxHistory"],
    inventory: {
        // No relation fits: what a Kustomization patches is in its patches.
        patching: {
            kinds: ["kustomize.toolkit.fluxcd.io/Kustomization"],
            scope: "cluster",
            reads: ["spec.patches[*].target.kind", "spec.patches[*].patch"],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let spec = input.document.get("spec");
    if !spec.at("chart.spec.chart").exists() && !spec.get("chartRef").exists() {
        return not_applicable("it names no chart, so it is a patch of another");
    }
    if let Some(kustomization) = input.related("patching").find(patches_releases) {
        return not_evaluated(format!("Kustomization `{}` patches HelmReleases", kustomization.name()));
    }
    let (upgrade, remediation) = (spec.get("upgrade"), spec.at("upgrade.remediation"));
    let last = remediation.get("remediateLastFailure");
    if !flux::mends_upgrades(input) {
        let message =
            "a failed upgrade is neither tried again nor undone: `upgrade` has no `remediation` and no strategy";
        findings.report(Code::Upgrade, &upgrade, message);
    } else if last.as_bool() == Some(false) && upgrade.at("strategy.name").text() != "RetryOnFailure" {
        let message = "`remediateLastFailure` is false, so the last failed upgrade stays as it is";
        findings.report(Code::LastFailure, &last, message);
    }
    let history = spec.get("maxHistory");
    if history.as_i64() == Some(1) {
        findings.report(Code::History, &history, "`maxHistory` is 1, so there is no version to go back to");
    }
    let install = spec.get("install");
    let retries = install.at("remediation.retries");
    let is_tried_again =
        install.at("strategy.name").text() == "RetryOnFailure" || retries.as_i64().is_some_and(|retries| retries != 0);
    if !is_tried_again {
        let message = "a failed installation is not tried again: `install` has no `remediation.retries`";
        findings.report(Code::Install, &retries, message);
    }
    Ok(())
}

/// Whether a Kustomization of Flux changes HelmReleases, as its target or its text says.
fn patches_releases(kustomization: &Related<'_>) -> bool {
    kustomization.document.at("spec.patches").items().any(|patch| {
        patch.at("target.kind").text() == "HelmRelease" || patch.get("patch").text().contains("kind: HelmRelease")
    })
}
