use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Action, Permissions, Used, UsedActions};

policy_sdk::rule! {
    /// Actions are pinned by commit
    ///
    /// Each `uses` of a step, and of a job that calls a reusable workflow, names a full commit SHA.
    /// Actions of trusted owners may name a version (`v4`, `v4.2.2`) instead; a moving reference such
    /// as a branch is worse than a tag, whoever owns it, and a tag is worse in a job that gets secrets other than
    /// `GITHUB_TOKEN`, or may write contents, packages or an identity token. `docker://` images need a digest.
    /// Paths in the same repository (`./…`, `$/…`) have nothing to pin, and actions that verify their own
    /// reference (`by_tag`) must be named by tag.
    ///
    /// ## Why
    /// Whoever can move a tag or push to a branch of the action's repository runs code in this
    /// pipeline, with its secrets and its token.
    ///
    /// ## Fix
    /// Write the commit's SHA, and the version behind it as a comment, which update bots keep in
    /// step: `uses: owner/action@<sha> # v1.2.3`. The parameter `pins` fills in SHAs that are known.
    findings: {
        /// No reference at all: GitHub refuses the file
        Missing: High, Certain;
        /// A shortened commit: GitHub refuses it, or takes it for a tag
        ShortSha: High, Certain;
        /// A branch
        Branch: High, Certain;
        /// A tag, in a job that gets secrets or may write
        TagWithSecrets: High, Certain;
        /// A tag
        Tag: Medium, Certain;
        /// An image without a digest
        Image: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    peers: ["ZZ:unpinned-uses"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction"],
    uses: [UsedActions, Permissions],
    reads: [
        "env", "env.*:expression", "jobs.*.env", "jobs.*.env.*:expression", "jobs.*.secrets",
        "jobs.*.with", "jobs.*.with.*:expression", "jobs.*.steps[*].env", "jobs.*.steps[*].env.*:expression",
        "jobs.*.steps[*].with", "jobs.*.steps[*].with.*:expression", "jobs.*.steps[*].run:expression",
    ],
    parameters: {
        /// Owners whose actions may be named by version.
        trusted: Vec<String> = list(["actions", "github"]),
        /// Repositories whose actions and workflows refuse to run by commit.
        by_tag: Vec<String> = list(["slsa-framework/slsa-github-generator"]),
        /// Commits to pin to: `owner/repository@reference` to a SHA, behind which a version may stand
        /// (`11bd… v4.2.2`). They make the fix.
        pins: Vec<(String, String)> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for (job, place, used) in github::used(input) {
        match used {
            Used::Image(image) if !image.contains("@sha256:") => {
                findings.report(Code::Image, &place, format!("the image `{image}` is not pinned by digest"));
            }
            Used::Action(action) if !action.is_commit() => judge(input, &place, &action, job.as_ref(), findings),
            Used::Image(_) | Used::Action(_) | Used::Local(_) => {}
        }
    }
    Ok(())
}

fn judge(
    input: &Input<'_, Parameters>,
    uses: &View<'_>,
    action: &Action<'_>,
    job: Option<&View<'_>>,
    findings: &mut Findings,
) {
    let parameters = &input.parameters;
    let is_trusted = parameters.trusted.iter().any(|owner| action.is_of(owner));
    let by_tag = parameters.by_tag.iter().any(|repository| action.is(repository));
    let expected = match (by_tag, is_trusted) {
        (true, _) => "a version",
        (false, true) => "a version or a commit SHA",
        (false, false) => "a commit SHA",
    };
    let Action { name, reference } = action;
    let is_hex = reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (code, message) = if reference.is_empty() {
        (Code::Missing, format!("`{name}` names no reference, which GitHub refuses, expected {expected}"))
    } else if is_hex && reference.len() >= 7 {
        (Code::ShortSha, format!("`{name}` names the shortened commit `{reference}`, expected all 40 digits"))
    } else if !reference.strip_prefix('v').unwrap_or(reference).starts_with(|first: char| first.is_ascii_digit()) {
        let message = format!("`{name}` follows `{reference}`, which can move at any time, expected {expected}");
        (Code::Branch, message)
    } else if is_trusted || by_tag {
        return;
    } else if let Some(stake) = job.and_then(|job| worth_stealing(input, job)) {
        let message = format!("`{name}` is pinned by the tag `{reference}` in a job with {stake}, expected {expected}");
        (Code::TagWithSecrets, message)
    } else {
        (Code::Tag, format!("`{name}` is pinned by the tag `{reference}`, expected {expected}"))
    };
    findings.report(code, uses, message).fix(fix(uses, action, &parameters.pins));
}

/// What a job has that is worth stealing: secrets other than its own token, or a token that may write what is shipped.
fn worth_stealing(input: &Input<'_, Parameters>, job: &View<'_>) -> Option<String> {
    let names_secret = |view: View<'_>| github::with_secrets(&view).any(|(_, _, names_secret)| names_secret);
    let mut steps = job.get("steps").items();
    let has_secrets = job.get("secrets").kind().is_some()
        || ["env", "with"].into_iter().any(|field| names_secret(job.get(field)))
        || names_secret(input.document.get("env"))
        || steps.any(|step| {
            ["env", "with"].into_iter().any(|field| names_secret(step.get(field)))
                || github::names_secret(&step.get("run:expression"))
        });
    if has_secrets {
        return Some("secrets".to_owned());
    }
    let mut scopes = ["id-token", "contents", "packages"].into_iter();
    let scope = scopes.find(|scope| github::may_write(input, job, scope) == Some(true))?;
    Some(format!("`{scope}: write`"))
}

fn fix(uses: &View<'_>, action: &Action<'_>, pins: &[(String, String)]) -> Option<Fix> {
    let known = format!("{}@{}", action.repository(), action.reference);
    let (_, pin) = pins.iter().find(|(reference, _)| *reference == known)?;
    let (sha, version) = pin.split_once(' ').unwrap_or((pin, action.reference));
    let pinned = Action { name: action.name, reference: sha };
    let title = format!("pin `{}` to the commit of {}", action.name, version.trim_start_matches(['#', ' ']));
    pinned.is_commit().then(|| Fix::safe(title).set(uses, format!("{}@{sha}", action.name)))
}
