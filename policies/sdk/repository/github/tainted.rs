//! Texts that somebody without rights in the repository writes: the title of an issue, the name of a branch.

/// Who writes the text of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Anybody who opens an issue or a pull request, or comments, by one of these events.
    Anybody(&'static [&'static str]),
    /// The author of commits that somebody with rights merged or pushed.
    Committer,
    /// Whoever starts the workflow, or what calls it.
    Caller,
}

const PULL_REQUESTS: &[&str] =
    &["pull_request_target", "pull_request", "pull_request_review", "pull_request_review_comment"];
const ISSUES: &[&str] = &["issues", "issue_comment"];
const REVIEWS: &[&str] = &["pull_request_review"];
const COMMENTS: &[&str] = &["issue_comment", "discussion_comment", "pull_request_review_comment", "commit_comment"];
const DISCUSSIONS: &[&str] = &["discussion", "discussion_comment"];
const RUNS: &[&str] = &["workflow_run"];
const PAGES: &[&str] = &["gollum"];
const ALL: &[&str] = &[
    "pull_request_target",
    "workflow_run",
    "issue_comment",
    "issues",
    "discussion",
    "discussion_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
];

/// Contexts below `github.event`, with the events that have them. A context is all that is below it, too.
const OF_EVENTS: [(&str, &[&str]); 27] = [
    ("issue.title", ISSUES),
    ("issue.body", ISSUES),
    ("pull_request.title", PULL_REQUESTS),
    ("pull_request.body", PULL_REQUESTS),
    ("pull_request.head.ref", PULL_REQUESTS),
    ("pull_request.head.label", PULL_REQUESTS),
    ("pull_request.head.repo.default_branch", PULL_REQUESTS),
    ("pull_request.head.repo.description", PULL_REQUESTS),
    ("pull_request.head.repo.homepage", PULL_REQUESTS),
    ("comment.body", COMMENTS),
    ("review.body", REVIEWS),
    ("review_comment.body", REVIEWS),
    ("discussion.title", DISCUSSIONS),
    ("discussion.body", DISCUSSIONS),
    ("pages.*.page_name", PAGES),
    ("pages.*.title", PAGES),
    ("workflow_run.head_branch", RUNS),
    ("workflow_run.display_title", RUNS),
    ("workflow_run.head_commit.message", RUNS),
    ("workflow_run.head_commit.author.name", RUNS),
    ("workflow_run.head_commit.author.email", RUNS),
    ("workflow_run.head_repository.description", RUNS),
    ("workflow_run.head_repository.default_branch", RUNS),
    ("workflow_run.pull_requests.*.head.ref", RUNS),
    ("changes.title.from", ISSUES),
    ("changes.body.from", ISSUES),
    ("answer.body", DISCUSSIONS),
];

/// Contexts below `github.event` that commits bring.
const OF_COMMITS: [&str; 10] = [
    "commits.*.message",
    "commits.*.author.name",
    "commits.*.author.email",
    "commits.*.committer.name",
    "commits.*.committer.email",
    "head_commit.message",
    "head_commit.author.name",
    "head_commit.author.email",
    "head_commit.committer.name",
    "head_commit.committer.email",
];

/// Who writes the text of a context (`github.event.issue.title`, in lower case), if somebody does who may mean harm.
/// What only those with rights can set is no such text.
pub fn writer(context: &str) -> Option<Writer> {
    if context == "github.head_ref" {
        return Some(Writer::Anybody(PULL_REQUESTS));
    }
    if context == "github" || context == "github.event" {
        return Some(Writer::Anybody(ALL));
    }
    if context.starts_with("inputs.") || context == "inputs" {
        return Some(Writer::Caller);
    }
    let event = context.strip_prefix("github.event.")?;
    if ["inputs", "client_payload"].iter().any(|of| is_below(event, of)) {
        return Some(Writer::Caller);
    }
    // A context holds all that is below it: `toJSON(github.event.issue)`.
    let is_it = |known: &str| same(event, known) || is_above(event, known);
    let of_events = OF_EVENTS.iter().find(|(known, _)| is_it(known));
    if let Some((_, events)) = of_events {
        return Some(Writer::Anybody(events));
    }
    OF_COMMITS.iter().any(|known| is_it(known)).then_some(Writer::Committer)
}

/// Whether two contexts are one: an index that is not known, or a number, is any of `*`.
fn same(context: &str, known: &str) -> bool {
    steps(context).eq(steps(known))
}

fn is_above(context: &str, known: &str) -> bool {
    let (mut above, mut all) = (steps(context), steps(known));
    loop {
        match (above.next(), all.next()) {
            (None, Some(_)) => return true,
            (Some(left), Some(right)) if left == right => {}
            _ => return false,
        }
    }
}

fn is_below(context: &str, above: &str) -> bool {
    context.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn steps(context: &str) -> impl Iterator<Item = &str> {
    context.split(['.', '[']).map(|step| if step == "…]" { "*" } else { step })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others_are_known() {
        for context in [
            "github.event.issue.title",
            "github.event.issue",
            "github.event",
            "github.head_ref",
            "github.event.pull_request.head.ref",
            "github.event.pull_request.head.repo",
            "github.event.pages[…].page_name",
            "github.event.workflow_run.head_branch",
        ] {
            assert!(matches!(writer(context), Some(Writer::Anybody(_))), "{context}");
        }
        assert_eq!(writer("github.event.commits.*.message"), Some(Writer::Committer));
        assert_eq!(writer("github.event.head_commit"), Some(Writer::Committer));
        for context in ["inputs.version", "github.event.inputs.version", "github.event.client_payload.x"] {
            assert_eq!(writer(context), Some(Writer::Caller), "{context}");
        }
        for context in [
            "github.sha",
            "github.actor",
            "github.event.issue.number",
            "github.event.pull_request.head.sha",
            "github.event.pull_request.user.login",
            "github.event.inputsx",
            "github.event.workflow_run.id",
            "secrets.token",
            "matrix.os",
        ] {
            assert_eq!(writer(context), None, "{context}");
        }
    }
}
