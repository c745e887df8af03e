//! GitHub Actions: what workflows and composite actions use, and what their jobs may do.

use crate::input::Input;
use crate::json::{Kind, View};
use crate::language::expression::contexts;
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
    /// Every `uses` of the subject, a workflow or an action, and the image of a Docker action.
    pub UsedActions {
        reads: ["jobs.*.uses", "jobs.*.steps[*].uses", "runs.steps[*].uses", "runs.image"],
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

/// What a `uses` names, or the image that a Docker action runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used<'d> {
    /// An action or a reusable workflow of a repository.
    Action(Action<'d>),
    /// `docker://…`, without that.
    Image(&'d str),
    /// A path in the same repository.
    Local(&'d str),
}

impl<'d> Used<'d> {
    /// Reads a `uses`; `None` for nothing.
    pub fn parse(uses: &'d str) -> Option<Self> {
        match uses.strip_prefix("docker://") {
            Some(image) => Some(Self::Image(image)),
            None if uses.is_empty() => None,
            None => Some(Action::parse(uses).map_or(Self::Local(uses), Self::Action)),
        }
    }
}

/// All that a workflow or an action uses, with its place and the job that it is in.
pub fn used<'d, P: Uses<UsedActions>>(
    input: &Input<'d, P>,
) -> impl Iterator<Item = (Option<View<'d>>, View<'d>, Used<'d>)> + use<'d, P> {
    let image = input.document.at("runs.image");
    // A Docker action may name a Dockerfile there.
    let image = Some(image).filter(|image| image.text().starts_with("docker://")).map(|image| (None, image));
    uses(input).chain(image).filter_map(|(job, place)| {
        let used = Used::parse(place.text())?;
        Some((job, place, used))
    })
}

/// Whether an `:expression` tree names a secret other than the job's own `GITHUB_TOKEN`.
pub fn names_secret(tree: &View<'_>) -> bool {
    contexts(tree).into_iter().any(|context| {
        let rest = context.strip_prefix("secrets");
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']) && rest != ".github_token")
    })
}

/// The entries of a mapping such as `env`, each with whether its value names a secret. The rule reads `env` and
/// `env.*:expression`.
pub fn with_secrets<'d>(mapping: &View<'d>) -> impl Iterator<Item = (&'d str, View<'d>, bool)> + use<'d> {
    let of = mapping.clone();
    mapping.entries().map(move |(key, value)| {
        let names_secret = names_secret(&of.get(&format!("{key}:expression")));
        (key, value, names_secret)
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

/// What starts the subject, a workflow, on an event: the filter of the event (`on.push`), or where it is listed; `None`
/// where that does not start it.
pub fn trigger<'d, P: Uses<Triggers>>(input: &Input<'d, P>, event: &str) -> Option<View<'d>> {
    let on = input.document.get("on");
    if on.text() == event {
        return Some(on);
    }
    let own = on.get(event);
    on.items().find(|listed| listed.text() == event).or_else(|| own.kind().map(|_| own))
}

/// Whether a push to the branch that most repositories have as their default starts the subject.
pub fn runs_on_default_branch<P: Uses<Triggers>>(input: &Input<'_, P>) -> bool {
    let Some(push) = trigger(input, "push") else { return false };
    let branches = push.get("branches");
    let mut names = branches.items().chain([branches.clone()]).map(|name| name.text());
    match (branches.exists(), push.get("tags").exists()) {
        (false, has_tags) => !has_tags,
        (true, _) => names.any(|name| matches!(name, "main" | "master" | "*" | "**")),
    }
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
    use crate::json::Json;
    use crate::testing::look;

    #[test]
    fn the_own_token_is_no_secret_of_others() {
        for (contexts, is_one) in [
            ("secrets.deploy_key", true),
            ("secrets", true),
            ("secrets[…]", true),
            ("secrets.github_token", false),
            ("secrets.github_token_2", true),
            ("github.token", false),
            ("secretsfile.x", false),
        ] {
            let text =
                format!(r#"{{"env":{{"A":"x","A:expression":{{"parts":[{{"context":"{contexts}"}}]}},"B":1}}}}"#);
            let json = Json::parse(&text).unwrap();
            let found: Vec<_> = with_secrets(&json.root().get("env")).map(|(key, _, is_one)| (key, is_one)).collect();
            assert_eq!(found, [("A", is_one), ("B", false)], "{contexts}");
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
        assert_eq!(Used::parse("docker://alpine:3.22"), Some(Used::Image("alpine:3.22")));
        assert_eq!(Used::parse("./x"), Some(Used::Local("./x")));
        assert!(matches!(Used::parse("a/b@v1"), Some(Used::Action(action)) if action.reference == "v1"));
        assert_eq!(Used::parse(""), None);
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
    fn events_start_a_workflow_with_their_filters() {
        for (on, is_pull, is_default) in [
            (r#""push""#, false, true),
            (r#"["push","pull_request"]"#, true, true),
            (r#"{"push":null,"pull_request":{"paths":["a"]}}"#, true, true),
            (r#"{"push":{"tags":["v*"]}}"#, false, false),
            (r#"{"push":{"branches":["release-*"]}}"#, false, false),
            (r#"{"push":{"branches":["release-*","main"],"tags":["v*"]}}"#, false, true),
        ] {
            let text = format!(r#"{{"on":{on}}}"#);
            let found = look("", &text, &[], &[], |input| {
                (trigger(input, "pull_request").is_some(), runs_on_default_branch(input))
            });
            assert_eq!(found, (is_pull, is_default), "{on}");
        }
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
