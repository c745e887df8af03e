//! GitHub Actions: what workflows and composite actions use, and what their jobs may do.

use crate::input::Input;
use crate::json::{Kind, View};
use crate::uses::Uses;

/// An action or a reusable workflow, as `uses` names it: `owner/repository[/path]@reference`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action<'d> {
    /// Everything before the `@`.
    pub name: &'d str,
    /// The tag, branch or commit behind it; empty when there is none.
    pub reference: &'d str,
}

impl<'d> Action<'d> {
    /// Reads a `uses`; `None` for a path in the same repository (`./…`, `$/…`) and an image (`docker://…`).
    pub fn parse(uses: &'d str) -> Option<Self> {
        if uses.is_empty() || uses.starts_with('.') || uses.starts_with("$/") || uses.starts_with("docker://") {
            return None;
        }
        let (name, reference) = uses.split_once('@').unwrap_or((uses, ""));
        Some(Self { name, reference })
    }

    /// Its `owner/repository`.
    pub fn repository(&self) -> &'d str {
        let end = self.name.match_indices('/').nth(1).map_or(self.name.len(), |(at, _)| at);
        &self.name[..end]
    }

    /// True when it comes from that `owner/repository`; GitHub ignores case.
    pub fn is(&self, repository: &str) -> bool {
        self.repository().eq_ignore_ascii_case(repository)
    }

    /// True when its owner is that one.
    pub fn is_of(&self, owner: &str) -> bool {
        self.name.split('/').next().unwrap_or_default().eq_ignore_ascii_case(owner)
    }

    /// True when the reference is a full commit id.
    pub fn is_commit(&self) -> bool {
        self.reference.len() == 40 && self.reference.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

crate::usable! {
    /// Every `uses` of the subject, a workflow or an action.
    pub UsedActions {
        reads: ["jobs.*.uses", "jobs.*.steps[*].uses", "runs.steps[*].uses"],
    }
    /// What the tokens of the subject's jobs may do.
    pub Permissions {
        reads: ["permissions", "jobs.*.permissions"],
    }
    /// What starts the subject, a workflow.
    pub Triggers {
        reads: ["on"],
    }
}

/// Every `uses` of a workflow's jobs and steps and of a composite action's steps, with the job that it is in.
pub fn uses<'d, P: Uses<UsedActions>>(
    input: &Input<'d, P>,
) -> impl Iterator<Item = (Option<View<'d>>, View<'d>)> + use<'d, P> {
    let document = &input.document;
    let jobs = document.get("jobs").entries().flat_map(|(_, job)| {
        let own = std::iter::once(job.get("uses"));
        let all = own.chain(job.get("steps").items().map(|step| step.get("uses")));
        all.map(move |uses| (Some(job.clone()), uses))
    });
    let steps = document.at("runs.steps").items().map(|step| (None, step.get("uses")));
    jobs.chain(steps).filter(|(_, uses)| uses.exists())
}

/// An input that a step gives its action: GitHub ignores the case of names.
pub fn given<'d>(with: &View<'d>, name: &str) -> View<'d> {
    let found = with.entries().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or_else(|| with.get(name), |(_, value)| value)
}

/// Whether a text names a secret other than the job's own `GITHUB_TOKEN`, in whatever case.
pub fn names_secret(text: &str) -> bool {
    let text = &*text.to_ascii_lowercase();
    let is_own = |rest: &str| {
        let name = rest.trim_start_matches(['.', '[', '\'', '"']);
        name.len() >= 12 && name.is_char_boundary(12) && name[..12].eq_ignore_ascii_case("GITHUB_TOKEN")
    };
    text.match_indices("secrets").any(|(at, word)| {
        let rest = &text[at + word.len()..];
        rest.starts_with(['.', '[']) && !is_own(rest)
    })
}

/// True when the workflow is one that others call (`on: workflow_call`): what it does not say, its
/// caller may.
pub fn is_reusable<P: Uses<Triggers>>(input: &Input<'_, P>) -> bool {
    let on = input.document.get("on");
    on.text() == "workflow_call"
        || on.items().any(|event| event.text() == "workflow_call")
        || on.get("workflow_call").kind().is_some()
}

/// Whether a job's token may write in a scope such as `id-token`; `None` when neither the job nor
/// the workflow says anything.
pub fn may_write<P: Uses<Permissions>>(input: &Input<'_, P>, job: &View<'_>, scope: &str) -> Option<bool> {
    let permissions = permissions(input, job);
    match permissions.kind()? {
        Kind::String => Some(permissions.text() == "write-all"),
        _ => Some(permissions.get(scope).text() == "write"),
    }
}

/// Where a job's permissions stand: its own, else those of the workflow; absent where neither says anything.
pub fn permissions<'d, P: Uses<Permissions>>(input: &Input<'d, P>, job: &View<'d>) -> View<'d> {
    let (own, of_workflow) = (job.get("permissions"), input.document.get("permissions"));
    if own.kind().is_none() && of_workflow.kind().is_some() { of_workflow } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn the_own_token_is_no_secret_of_others() {
        for (text, is_one) in [
            ("${{ secrets.DEPLOY_KEY }}", true),
            ("${{ secrets['DEPLOY_KEY'] }}", true),
            ("${{ secrets.GITHUB_TOKEN }}", false),
            ("${{ secrets['github_token'] }}", false),
            ("${{ secrets.GITHUB_TOKEN || secrets.OTHER }}", true),
            ("${{ github.token }}", false),
            ("our secrets are safe", false),
            ("secrets.é", true),
        ] {
            assert_eq!(names_secret(text), is_one, "{text}");
        }
    }

    #[test]
    fn uses_are_taken_apart() {
        let action = Action::parse("GitHub/codeql-action/init@v3").unwrap();
        assert_eq!(action.repository(), "GitHub/codeql-action");
        assert!(action.is("github/codeql-action") && action.is_of("github") && !action.is_commit());
        assert!(Action::parse("actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683").unwrap().is_commit());
        assert_eq!(Action::parse("actions/checkout").unwrap().reference, "");
        assert_eq!(Action::parse("./.github/actions/setup"), None);
        assert_eq!(Action::parse("docker://alpine:3.22"), None);
    }

    #[test]
    fn a_job_overrides_the_workflows_permissions() {
        let text = r#"{"permissions":{"id-token":"write"},
            "jobs":{"a":{},"b":{"permissions":{}},"c":{"permissions":"write-all"}}}"#;
        let may = |text: &str, id: &str| {
            look("", text, &[], &[], |input| may_write(input, &input.document.get("jobs").get(id), "id-token"))
        };
        assert_eq!(["a", "b", "c"].map(|id| may(text, id)), [Some(true), Some(false), Some(true)]);
        assert_eq!(may(r#"{"jobs":{"a":{}}}"#, "a"), None);
    }

    #[test]
    fn reusable_workflows_say_so_in_three_ways() {
        for (on, reusable) in [
            (r#""workflow_call""#, true),
            (r#"["push","workflow_call"]"#, true),
            (r#"{"workflow_call":null}"#, true),
            (r#"{"push":{}}"#, false),
        ] {
            let text = format!(r#"{{"on":{on}}}"#);
            assert_eq!(look("", &text, &[], &[], is_reusable), reusable);
        }
    }
}
