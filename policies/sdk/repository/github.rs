//! GitHub Actions: what workflows and composite actions use, what starts them, and what their jobs may do.

pub mod outsider;
pub mod runner;
pub mod syntax;
pub mod tainted;

use crate::input::Input;
use crate::json::{Kind, View};
use crate::language::comment::comments;
use crate::language::expression::{contexts, trees};
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
    /// The programs that run the scripts of the subject, a workflow or an action.
    pub Shells {
        reads: [
            "defaults.run.shell", "jobs.*.defaults.run.shell", "jobs.*.steps[*].shell", "runs.steps[*].shell",
        ],
    }
}

/// Something that starts a workflow.
#[derive(Clone)]
pub struct Event<'d> {
    /// Its name: `pull_request`.
    pub name: &'d str,
    /// Where it is written: what is said of it, or its name in a list.
    pub with: View<'d>,
}

/// Whether a file or folder is the one at this path of its repository, which may stand below the folder that is checked.
#[must_use]
pub fn is_at(name: &str, path: &str) -> bool {
    name.strip_suffix(path).is_some_and(|above| above.is_empty() || above.ends_with('/'))
}

/// The events of a document's `on`, in all three ways of writing it.
pub fn events_of<'d>(document: &View<'d>) -> Vec<Event<'d>> {
    let on = document.get("on");
    match on.kind() {
        Some(Kind::String) => vec![Event { name: on.text(), with: on }],
        Some(Kind::Array) => on.items().map(|with| Event { name: with.text(), with }).collect(),
        _ => on.entries().map(|(name, with)| Event { name, with }).collect(),
    }
}

/// The events that start the subject.
pub fn events<'d, P: Uses<Triggers>>(input: &Input<'d, P>) -> Vec<Event<'d>> {
    events_of(&input.document)
}

/// The event of that name, where it starts the subject.
pub fn event<'d, P: Uses<Triggers>>(input: &Input<'d, P>, name: &str) -> Option<Event<'d>> {
    events(input).into_iter().find(|event| event.name == name)
}

/// The `shell` of a step, by itself or by the defaults of its job or workflow; absent where none says so. A step of an
/// action has no job.
pub fn shell<'d, P: Uses<Shells>>(input: &Input<'d, P>, job: Option<&View<'d>>, step: &View<'d>) -> View<'d> {
    let own = step.get("shell");
    let of_job = || job.map(|job| job.at("defaults.run.shell")).filter(View::exists);
    if own.exists() { own } else { of_job().unwrap_or_else(|| input.document.at("defaults.run.shell")) }
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

/// The version of an action that a step, or a job, uses: its tag (`v4`, `4.2.2`), or that of the comment behind a
/// commit, for which the rule reads `uses:comments` there. `None` for a branch, and where nothing says it.
pub fn version<'d>(action: &Action<'d>, holder: &View<'d>) -> Option<&'d str> {
    let is_version =
        |text: &&str| text.strip_prefix('v').unwrap_or(text).starts_with(|first: char| first.is_ascii_digit());
    if !action.is_commit() {
        return Some(action.reference).filter(is_version);
    }
    comments(&holder.get("uses:comments")).find_map(|comment| {
        // `v4.2.2`, `tag=v4.2.2`, `pin@v4`, `ratchet:actions/checkout@v4`
        let word = comment.text().text().split_ascii_whitespace().next()?;
        word.rsplit(['@', '=', ':']).next().filter(is_version)
    })
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
    event(input, "workflow_call").is_some()
}

/// Whether a push to the branch that most repositories have as their default starts the subject.
pub fn runs_on_default_branch<P: Uses<Triggers>>(input: &Input<'_, P>) -> bool {
    let Some(push) = event(input, "push").map(|event| event.with) else { return false };
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

/// Whether a job's token may write in any scope; `None` when neither the job nor the workflow says anything.
pub fn may_write_anything<P: Uses<Permissions>>(input: &Input<'_, P>, job: &View<'_>) -> Option<bool> {
    let permissions = permissions(input, job);
    match permissions.kind()? {
        Kind::String => Some(permissions.text() == "write-all"),
        _ => Some(permissions.entries().any(|(_, level)| level.text() == "write")),
    }
}

/// Whether a job has neither secrets nor a token that may write, as far as the rule reads it and `env`.
pub fn has_nothing_to_take<P: Uses<Permissions>>(input: &Input<'_, P>, job: &View<'_>) -> bool {
    let has_secret = |place: &View<'_>| trees(place).iter().any(names_secret);
    may_write_anything(input, job) == Some(false)
        && !job.get("secrets").exists()
        && !has_secret(job)
        && !has_secret(&input.document.get("env"))
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
    fn versions_stand_in_tags_and_comments() {
        let sha = "11bd71901bbe5b1630ceea73d27597364c9af683";
        let of = |reference: &str, comment: &str| {
            let uses = format!("actions/checkout@{reference}");
            let text = format!(r#"{{"uses":"{uses}","uses:comments":{{"comments":[{{"text":"{comment}"}}]}}}}"#);
            let json = Json::parse(&text).unwrap();
            let step = json.root();
            let action = Action::parse(step.get("uses").text()).unwrap();
            version(&action, &step).map(str::to_owned)
        };
        assert_eq!((of("v4", "v3"), of("main", "v3"), of("4.2", "")), (Some("v4".into()), None, Some("4.2".into())));
        for comment in ["v4.2.2", "tag=v4.2.2", "pin@v4.2.2", "ratchet:actions/checkout@v4.2.2", "v4.2.2 (main)"] {
            assert_eq!(of(sha, comment), Some("v4.2.2".into()), "{comment}");
        }
        assert_eq!((of(sha, "main"), of(sha, "")), (None, None));
    }

    #[test]
    fn jobs_have_something_to_take() {
        let text = r#"{"jobs":{"open":{},"poor":{"permissions":{"contents":"read"}},"all":{"permissions":"write-all"},
            "secret":{"permissions":{},"env":{"A":"x","A:expression":{"parts":[{"context":"secrets.a"}]}}},
            "called":{"permissions":"read-all","secrets":"inherit"}}}"#;
        let poor = |id: &str| {
            look("", text, &[], &[], |input| has_nothing_to_take(input, &input.document.get("jobs").get(id)))
        };
        let ids = ["open", "poor", "all", "secret", "called"];
        assert_eq!(ids.map(poor), [false, true, false, false, false]);
    }

    #[test]
    fn events_are_written_in_three_ways() {
        for (on, expected) in [
            (r#""push""#, &["push"][..]),
            (r#"["push","issues"]"#, &["push", "issues"]),
            (r#"{"push":null,"issues":{"types":["opened"]}}"#, &["push", "issues"]),
        ] {
            let text = format!(r#"{{"on":{on}}}"#);
            let names = look("", &text, &[], &[], |input| {
                events(input).iter().map(|event| event.name.to_owned()).collect::<Vec<_>>()
            });
            assert_eq!(names, expected);
        }
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
                (event(input, "pull_request").is_some(), runs_on_default_branch(input))
            });
            assert_eq!(found, (is_pull, is_default), "{on}");
        }
    }

    #[test]
    fn shells_are_inherited() {
        let text = r#"{"defaults":{"run":{"shell":"sh"}},"jobs":{
            "a":{"steps":[{"shell":"pwsh"},{}]},"b":{"defaults":{"run":{"shell":"bash"}},"steps":[{}]}}}"#;
        let shell_of = |id: &str, at: usize| {
            look("", text, &[], &[], |input| {
                let job = input.document.get("jobs").get(id);
                shell(input, Some(&job), &job.get("steps").item(at)).text().to_owned()
            })
        };
        assert_eq!([shell_of("a", 0), shell_of("a", 1), shell_of("b", 0)], ["pwsh", "sh", "bash"]);
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
