use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Action, Used, UsedActions};
use policy_sdk::tables::github_actions::{GitHubActions, KnownAction};

policy_sdk::rule! {
    /// Actions are of a version that is supported
    ///
    /// No `uses` names a version of an action that no longer works, has a published vulnerability, or was written for a
    /// version of Node that runners no longer have, and none is of an archived repository. The table `githubActions`
    /// knows them. The version is that of the tag, or of the comment behind a commit: `actions/checkout@<sha> #
    /// v4.2.2`. A commit without such a comment is not evaluated where the version matters.
    ///
    /// ## Why
    /// GitHub switches off what old versions need: their steps then fail on a day that nobody chose. An archived action
    /// gets no more fixes.
    ///
    /// ## Fix
    /// Move to the version that the message names, and read its notes first: inputs and defaults change with a major
    /// version. Let an update bot do it from then on.
    findings: {
        /// The service behind it is switched off: the step fails
        Gone: High, Certain;
        /// A vulnerability of this version is published
        Vulnerable: High, Likely;
        /// It was written for Node 16 or older, and runs by a newer one that it was not tested with
        OldRuntime: Low, Certain;
        /// Its repository is archived
        Archived: Low, Certain;
        /// Actions of a file were written for Node 20, which runners no longer use by default
        NextRuntime: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Dependencies,
    peers: ["ZZ:archived-uses", "AL:action"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction"],
    uses: [UsedActions, GitHubActions],
    reads: ["jobs.*.steps[*].uses:comments", "jobs.*.uses:comments", "runs.steps[*].uses:comments"],
    parameters: {
        /// Whether the server is GitHub Enterprise, which goes on with version 3 of the actions for artifacts and
        /// caches.
        enterprise_server: bool = false,
    },
}

/// A version; a part that is not written is the latest.
type Version = (u32, u32, u32);

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let table = input.setting::<GitHubActions>();
    let document = &input.document;
    let of_jobs = document.get("jobs").entries().flat_map(|(_, job)| {
        let steps: Vec<View<'_>> = job.get("steps").items().collect();
        std::iter::once(job).chain(steps)
    });
    let mut unknown = None;
    let mut of_node20 = Vec::new();
    for holder in of_jobs.chain(document.at("runs.steps").items()) {
        let uses = holder.get("uses");
        let Some(Used::Action(action)) = Used::parse(uses.text()) else { continue };
        let Some(known) = table.rows.iter().find(|known| action.is(&known.name)) else { continue };
        if known.archived {
            let message = format!("the repository of `{}` is archived, so that it gets no more fixes", known.name);
            findings.report(Code::Archived, &uses, message);
            continue;
        }
        let has_versions = !known.gone.is_empty() || !known.vulnerable.is_empty() || known.node16 > 0;
        match github::version(&action, &holder).and_then(|text| Some((text, parse(text)?))) {
            Some((text, version)) => {
                let is_of_node20 = judge(input, known, (&action, &uses), (text, version), findings);
                of_node20.extend(is_of_node20.then(|| uses.clone()));
            }
            None if has_versions && action.is_commit() => {
                unknown.get_or_insert(format!("no comment says which version of `{}` the commit is", action.name));
            }
            None => {}
        }
    }
    if let Some((first, others)) = of_node20.split_first() {
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        let name = first.text();
        let message = format!("`{name}`{more} were written for Node 20, which runners no longer use by default");
        let message = if others.is_empty() { message.replace(" were ", " was ") } else { message };
        let report = findings.report(Code::NextRuntime, first, message);
        others.iter().take(5).fold(report, |report, other| report.label(other, "this one, too"));
    }
    findings.or_unknown(unknown)
}

fn parse(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut numbers = text.split('.').map(|part| {
        let digits = part.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse::<u32>().ok()
    });
    let major = numbers.next()??;
    let mut next = || numbers.next().flatten().unwrap_or(u32::MAX);
    Some((major, next(), next()))
}

/// Whether a version is before the first of the bounds, or before the one of its own major version.
fn is_before(version: Version, bounds: &str) -> bool {
    let mut bounds = bounds.split(',').filter_map(parse);
    bounds.next().is_some_and(|first| version < first) || bounds.any(|bound| version.0 == bound.0 && version < bound)
}

/// Checks a version; whether all that can be said is that it was written for Node 20.
fn judge(
    input: &Input<'_, Parameters>,
    known: &KnownAction,
    (action, uses): (&Action<'_>, &View<'_>),
    (text, version): (&str, Version),
    findings: &mut Findings,
) -> bool {
    let major = i64::from(version.0);
    let expected = if known.current > 0 { format!(", expected `v{}`", known.current) } else { String::new() };
    let is_gone = is_before(version, &known.gone);
    // The service of an Enterprise Server still answers version 3.
    let still_runs = input.parameters.enterprise_server && major == 3;
    let (code, what) = if is_gone && !still_runs {
        (Code::Gone, "no longer works: the step fails")
    } else if is_before(version, &known.vulnerable) {
        (Code::Vulnerable, "has a published vulnerability")
    } else if major < known.node16 && !still_runs {
        (Code::OldRuntime, "was written for Node 16 or older, which runners no longer have")
    } else {
        return major < known.node20;
    };
    let expected = match code {
        Code::Vulnerable => format!(", expected `v{}`", known.vulnerable.rsplit(',').next().unwrap_or_default()),
        _ => expected,
    };
    let message = format!("`{}` of version `{text}` {what}{expected}", action.name);
    let is_major = !action.is_commit() && text.strip_prefix('v').is_some_and(|it| it.parse::<u32>().is_ok());
    let fix = (is_major && known.current > 0).then(|| {
        let newer = format!("{}@v{}", action.name, known.current);
        Fix::unsafe_(format!("move to `{newer}`")).set(uses, newer)
    });
    findings.report(code, uses, message).fix(fix);
    false
}
