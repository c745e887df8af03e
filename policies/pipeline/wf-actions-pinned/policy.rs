use policy_sdk::github::{self, Action};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Actions are pinned by commit
    ///
    /// Each `uses` of a step, and of a job that calls a reusable workflow, names a full commit SHA.
    /// Actions of trusted owners may name a version (`v4`, `v4.2.2`) instead; a moving reference such
    /// as a branch is worse than a tag, whoever owns it. `docker://` images need a digest. Paths in
    /// the same repository (`./…`) have nothing to pin.
    ///
    /// ## Why
    /// Whoever can move a tag or push to a branch of the action's repository runs code in this
    /// pipeline, with its secrets and its token.
    ///
    /// ## Fix
    /// Write the commit's SHA, and the version behind it as a comment, which update bots keep in
    /// step: `uses: owner/action@<sha> # v1.2.3`. The parameter `pins` fills in SHAs that are known.
    severity: High,
    priority: P1,
    effort: Small,
    factor: "II Dependencies",
    aliases: ["ZZ:unpinned-uses"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction"],
    reads: ["jobs.*.uses", "jobs.*.steps[*].uses", "runs.steps[*].uses", "runs.image"],
    parameters: {
        /// Owners whose actions may be named by version.
        trusted: Vec<String> = list(["actions", "github"]),
        /// Severity of following a branch.
        branch_severity: Severity = Severity::Critical,
        /// Commits to pin to: `owner/repository@reference` to a SHA, behind which a version may stand
        /// (`11bd… v4.2.2`). They make the fix.
        pins: Vec<(String, String)> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let image = Some(input.document.at("runs.image")).filter(|image| image.text().starts_with("docker://"));
    for uses in github::uses(&input.document).chain(image) {
        if let Some(image) = uses.text().strip_prefix("docker://") {
            if !image.contains("@sha256:") {
                findings.report(&uses, format!("the image `{image}` is not pinned by digest")).code("image");
            }
        } else if let Some(action) = Action::parse(uses.text()).filter(|action| !action.is_commit()) {
            judge(&uses, &action, &input.parameters, findings);
        }
    }
    Ok(())
}

fn judge(uses: &View<'_>, action: &Action<'_>, parameters: &Parameters, findings: &mut Findings) {
    let is_trusted = parameters.trusted.iter().any(|owner| action.is_of(owner));
    let expected = if is_trusted { "a version or a commit SHA" } else { "a commit SHA" };
    let Action { name, reference } = action;
    let number = reference.strip_prefix('v').unwrap_or(reference);
    let report = if reference.is_empty() {
        findings.report(uses, format!("`{name}` names no reference, expected {expected}")).code("missing")
    } else if !number.starts_with(|first: char| first.is_ascii_digit()) {
        let message = format!("`{name}` follows `{reference}`, which can move at any time, expected {expected}");
        findings.report(uses, message).code("branch").severity(parameters.branch_severity)
    } else if is_trusted {
        return;
    } else {
        findings.report(uses, format!("`{name}` is pinned by the tag `{reference}`, expected {expected}")).code("tag")
    };
    report.fix(fix(uses, action, &parameters.pins));
}

fn fix(uses: &View<'_>, action: &Action<'_>, pins: &[(String, String)]) -> Option<Fix> {
    let known = format!("{}@{}", action.repository(), action.reference);
    let (_, pin) = pins.iter().find(|(reference, _)| *reference == known)?;
    let (sha, version) = pin.split_once(' ').unwrap_or((pin, action.reference));
    let pinned = Action { name: action.name, reference: sha };
    let title = format!("pin `{}` to the commit of {}", action.name, version.trim_start_matches(['#', ' ']));
    pinned.is_commit().then(|| Fix::safe(title).set(uses, format!("{}@{sha}", action.name)))
}
