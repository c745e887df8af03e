//! What somebody without rights in a repository can start: by a pull request from a fork, an issue or a comment.

use super::{Event, Triggers, events_of};
use crate::input::Input;
use crate::json::{Kind, View};
use crate::language::expression::{Expression, Value, ignores_failure, may_hold, whole};
use crate::uses::Uses;

crate::usable! {
    /// Which jobs and steps run when.
    pub Conditions {
        reads: [
            "jobs.*.if", "jobs.*.if:expression", "jobs.*.needs", "jobs.*.environment", "jobs.*.outputs",
            "jobs.*.outputs.*:expression", "jobs.*.steps[*].id", "jobs.*.steps[*].if",
            "jobs.*.steps[*].if:expression",
        ],
    }
}

/// Events that anybody can cause, and that give a job the repository's secrets and a token that may write.
pub const PRIVILEGED: [&str; 7] =
    ["pull_request_target", "workflow_run", "issue_comment", "issues", "discussion", "discussion_comment", "fork"];

/// Events of pull requests that give a run for a fork neither secrets nor a token that may write.
pub const UNPRIVILEGED: [&str; 3] = ["pull_request", "pull_request_review", "pull_request_review_comment"];

/// Who can get as far as a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Nobody without rights.
    Closed,
    /// Somebody has to approve the deployment, if the environment is set so.
    Environment,
    /// Somebody has to put a label on the pull request or issue.
    Label,
    /// Anybody.
    Open,
}

/// Who can get as far as a job by an event of the workflow, as far as the conditions of the job and of the jobs that it
/// needs say.
pub fn reach<P: Uses<Conditions> + Uses<Triggers>>(input: &Input<'_, P>, event_name: &str, job: &View<'_>) -> Reach {
    reach_in(&input.document, event_name, job)
}

/// [`reach`] in another workflow, of which the rule reads `on` and what [`Conditions`] reads here.
pub fn reach_in(document: &View<'_>, event_name: &str, job: &View<'_>) -> Reach {
    let event = events_of(document).into_iter().find(|event| event.name == event_name);
    let mut reach = event.map_or(Reach::Closed, |event| of_event(&event));
    let mut seen: Vec<&str> = Vec::new();
    let mut open = vec![job.clone()];
    while let Some(job) = open.pop() {
        let scope = Scope { event_name, labelled: false, document, job: &job, depth: 0 };
        reach = reach.min(scope.reach(&job));
        if job.get("environment").exists() {
            reach = reach.min(Reach::Environment);
        }
        if ignores_failure(&job.get("if:expression")) {
            continue;
        }
        let needs = job.get("needs");
        for needed in needs.items().chain(needs.as_str().is_some().then_some(needs)) {
            if !seen.contains(&needed.text()) {
                seen.push(needed.text());
                open.push(document.get("jobs").get(needed.text()));
            }
        }
    }
    reach
}

/// Who can get past the `if` of a job, or of one of its steps.
pub fn of_conditions<P: Uses<Conditions>>(
    input: &Input<'_, P>,
    event_name: &str,
    job: &View<'_>,
    holder: &View<'_>,
) -> Reach {
    let document = &input.document;
    Scope { event_name, labelled: false, document, job, depth: 0 }.reach(holder)
}

/// Where a condition stands, and what is supposed of it.
#[derive(Clone, Copy)]
struct Scope<'s, 'd> {
    event_name: &'s str,
    labelled: bool,
    document: &'s View<'d>,
    job: &'s View<'d>,
    /// How many outputs led here.
    depth: u8,
}

/// How far outputs are followed.
const MAX_DEPTH: u8 = 4;

impl Scope<'_, '_> {
    fn reach(self, holder: &View<'_>) -> Reach {
        if holder.get("if").as_bool() == Some(false) {
            return Reach::Closed;
        }
        let condition = holder.get("if:expression");
        let holds = |labelled| {
            let scope = Scope { labelled, ..self };
            may_hold(&condition, &|expression| scope.fact(expression))
        };
        match (holds(false), holds(true)) {
            (true, _) => Reach::Open,
            (false, true) => Reach::Label,
            (false, false) => Reach::Closed,
        }
    }

    /// What is known of an expression when an outsider caused the event.
    fn fact(&self, expression: &Expression<'_>) -> Option<Value> {
        fact(self.event_name, self.labelled, expression).or_else(|| self.output(expression.context()))
    }

    /// The value of an output that is not set, since the step that sets it does not run for an outsider.
    fn output(&self, context: &str) -> Option<Value> {
        if self.depth > MAX_DEPTH {
            return None;
        }
        let (rest, is_of_job) = match (context.strip_prefix("steps."), context.strip_prefix("needs.")) {
            (Some(rest), _) => (rest, false),
            (_, Some(rest)) => (rest, true),
            _ => return None,
        };
        let (id, name) = rest.split_once(".outputs.")?;
        let deeper = Scope { depth: self.depth + 1, ..*self };
        if is_of_job {
            let jobs = self.document.get("jobs");
            let (_, job) = jobs.entries().find(|(key, _)| key.eq_ignore_ascii_case(id))?;
            let outputs = job.get("outputs");
            let (key, _) = outputs.entries().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            let tree = outputs.get(&format!("{key}:expression"));
            // An output is a text.
            return Some(match whole(&tree)?.value(&|expression| Scope { job: &job, ..deeper }.fact(expression))? {
                Value::Bool(flag) => Value::Text(flag.to_string()),
                Value::Null => Value::Text(String::new()),
                Value::Number(text) | Value::Text(text) => Value::Text(text),
            });
        }
        let step = self.job.get("steps").items().find(|step| step.get("id").text().eq_ignore_ascii_case(id))?;
        let reach = deeper.reach(&step);
        (reach == Reach::Closed || reach == Reach::Label && !self.labelled).then(|| Value::Text(String::new()))
    }
}

/// Activities that only somebody with rights causes.
const OF_MEMBERS: [&str; 10] = [
    "labeled",
    "unlabeled",
    "assigned",
    "unassigned",
    "milestoned",
    "demilestoned",
    "pinned",
    "transferred",
    "enqueued",
    "review_requested",
];

fn of_event(event: &Event<'_>) -> Reach {
    let types = event.with.get("types");
    let types: Vec<&str> = match types.kind() {
        Some(Kind::String) => vec![types.text()],
        _ => types.items().map(|kind| kind.text()).collect(),
    };
    match !types.is_empty() && types.iter().all(|kind| OF_MEMBERS.contains(kind)) {
        true => Reach::Label,
        false => Reach::Open,
    }
}

/// What is known of an expression when an outsider caused the event.
fn fact(event_name: &str, labelled: bool, expression: &Expression<'_>) -> Option<Value> {
    let operands = expression.operands();
    match (expression.operator(), expression.call()) {
        ("==" | "!=", _) => {
            let is_equal = operands.iter().find_map(|operand| {
                let other = operands.iter().find(|other| other.pointer() != operand.pointer())?;
                compared(event_name, labelled, operand.context(), other)
            });
            return is_equal.map(|is_equal| Value::Bool(is_equal == (expression.operator() == "==")));
        }
        (_, "contains") => {
            let (Some(list), Some(item)) = (operands.first(), operands.get(1)) else { return None };
            return listed(event_name, labelled, list, item).map(Value::Bool);
        }
        _ => {}
    }
    Some(match expression.context() {
        "github.event_name" => Value::Text(event_name.to_owned()),
        "github.event.pull_request.head.repo.fork" | "github.event.workflow_run.head_repository.fork" => {
            Value::Bool(true)
        }
        "github.event.pull_request.merged" => Value::Bool(false),
        "github.event.workflow_run.event" => Value::Text("pull_request".into()),
        "github.ref" if event_name == "pull_request" => Value::Text("refs/pull/1/merge".into()),
        "github.ref_name" if event_name == "pull_request" => Value::Text("1/merge".into()),
        "github.ref_type" => Value::Text("branch".into()),
        // Only the events of pull requests have it.
        "github.event.pull_request" if !event_name.starts_with("pull_request") => Value::Null,
        "github.event.inputs" => Value::Null,
        context if is_of_check(context) => Value::Bool(false),
        _ => return None,
    })
}

/// Whether a context is equal to something, where an outsider's cannot be.
fn compared(event_name: &str, labelled: bool, context: &str, other: &Expression<'_>) -> Option<bool> {
    let literal = other.literal();
    let is_bot = literal.text().ends_with("[bot]");
    if context.ends_with(".author_association") {
        return (!is_association_of_anybody(literal.text())).then_some(false);
    }
    if is_of_label(context) {
        return Some(labelled);
    }
    match context {
        "github.event.action" if OF_MEMBERS.contains(&literal.text()) => Some(labelled),
        "github.event.pull_request.head.repo.full_name"
        | "github.event.pull_request.head.repo.name"
        | "github.event.pull_request.head.repo.id"
        | "github.event.pull_request.head.repo.owner.login"
        | "github.event.pull_request.head.user.login"
        | "github.event.workflow_run.head_repository.full_name"
        | "github.event.workflow_run.head_repository.owner.login"
        | "github.event.workflow_run.head_repository.id" => Some(false),
        "github.actor" | "github.triggering_actor" | "github.event.sender.login" => (!is_bot).then_some(false),
        _ if is_author(context) => Some(false),
        "github.event.pull_request.head.repo.fork" if literal.as_bool().is_none() => Some(literal.text() == "true"),
        _ if is_of_check(context) => Some(matches!(literal.text(), "" | "false") && literal.as_bool() != Some(true)),
        "github.ref" if event_name == "pull_request" && !literal.text().starts_with("refs/pull") => {
            literal.as_str().map(|_| false)
        }
        _ => None,
    }
}

/// Whether a list holds something, where it cannot hold what an outsider has.
fn listed(event_name: &str, labelled: bool, list: &Expression<'_>, item: &Expression<'_>) -> Option<bool> {
    if is_of_label(list.context()) || is_of_label(item.context()) {
        return Some(labelled);
    }
    let written = match list.call() {
        "fromjson" => list.operands().first().map(|list| list.literal().text().to_owned()),
        _ => list.literal().as_str().map(str::to_owned),
    };
    let context = item.context();
    if context == "github.event_name" {
        return Some(written?.contains(&format!("\"{event_name}\"")));
    }
    let is_bots = written.as_ref().is_some_and(|written| written.contains("[bot]"));
    if context.ends_with(".author_association") {
        return (!written?.split(['"', '\'', ',', ' ', '[', ']']).any(is_association_of_anybody)).then_some(false);
    }
    let is_actor = matches!(context, "github.actor" | "github.triggering_actor" | "github.event.sender.login");
    (is_author(context) || is_actor && !is_bots).then_some(false)
}

/// Associations with a repository that ask for no rights in it.
fn is_association_of_anybody(text: &str) -> bool {
    ["NONE", "CONTRIBUTOR", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(text))
}

/// Whether a context is the answer of a step that asks for somebody's rights, by its name.
fn is_of_check(context: &str) -> bool {
    const WORDS: [&str; 9] =
        ["member", "permission", "collaborator", "maintainer", "authoriz", "trusted", "allowed", "approved", "is_team"];
    let is_output = context.starts_with("steps.") || context.starts_with("needs.");
    let name = context.split_once(".outputs.").map(|(_, name)| name).filter(|_| is_output);
    name.is_some_and(|name| WORDS.iter().any(|word| name.contains(word)))
}

fn is_author(context: &str) -> bool {
    context.starts_with("github.event.") && context.ends_with(".user.login")
}

fn is_of_label(context: &str) -> bool {
    context.ends_with(".labels.*.name") || context == "github.event.label.name"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look_at;

    fn reach_of(event: &str, condition: &str) -> Reach {
        of_holder(event, &format!(r#"{{"if:expression":{{"parts":[{condition}]}}}}"#))
    }

    fn of_holder(event: &str, holder: &str) -> Reach {
        let document = format!(
            r#"{{"jobs":{{"a":{{"outputs":{{"go":"x","go:expression":{{"parts":[{{"context":"steps.ask.outputs.go"}}]}},
                "me":"y","me:expression":{{"parts":[{{"operator":"&&","operands":[
                    {{"context":"github.event.comment.body"}},
                    {{"operator":"==","operands":[
                        {{"context":"steps.free.outputs.is_member"}},{{"literal":"true"}}]}}]}}]}}}},
                "steps":[{{"id":"ask","if":false}},{{"id":"free"}}]}},"b":{holder}}}}}"#
        );
        look_at("GitHubWorkflow", &document, |input| {
            let jobs = input.document.get("jobs");
            of_conditions(input, event, &jobs.get("a"), &jobs.get("b"))
        })
    }

    fn context(name: &str) -> String {
        format!(r#"{{"context":"{name}"}}"#)
    }

    fn compare(left: &str, operator: &str, right: &str) -> String {
        format!(r#"{{"operator":"{operator}","operands":[{},{right}]}}"#, context(left))
    }

    fn contains(list: &str, item: &str) -> String {
        format!(r#"{{"call":"contains","arguments":[{list},{item}]}}"#)
    }

    #[test]
    fn conditions_keep_outsiders_out() {
        let list = |text: &str| format!(r#"{{"call":"fromjson","arguments":[{{"literal":"{text}"}}]}}"#);
        let repository = context("github.repository");
        let (head, fork) =
            ("github.event.pull_request.head.repo.full_name", "github.event.pull_request.head.repo.fork");
        let association = "github.event.comment.author_association";
        for (event, condition, expected) in [
            ("pull_request_target", compare(head, "==", &repository), Reach::Closed),
            ("pull_request_target", compare(head, "!=", &repository), Reach::Open),
            ("pull_request_target", format!(r#"{{"operator":"!","operands":[{}]}}"#, context(fork)), Reach::Closed),
            ("pull_request_target", compare(fork, "==", r#"{"literal":false}"#), Reach::Closed),
            ("pull_request_target", compare("github.actor", "==", r#"{"literal":"dependabot[bot]"}"#), Reach::Open),
            ("pull_request_target", compare("github.actor", "==", r#"{"literal":"alice"}"#), Reach::Closed),
            (
                "pull_request_target",
                compare("github.event.pull_request.user.login", "==", r#"{"literal":"dependabot[bot]"}"#),
                Reach::Closed,
            ),
            ("pull_request_target", compare("github.event_name", "==", r#"{"literal":"push"}"#), Reach::Closed),
            ("pull_request", compare("github.ref", "==", r#"{"literal":"refs/heads/main"}"#), Reach::Closed),
            ("issue_comment", compare(association, "==", r#"{"literal":"MEMBER"}"#), Reach::Closed),
            ("issue_comment", compare(association, "!=", r#"{"literal":"NONE"}"#), Reach::Open),
            ("issue_comment", contains(&list("[\\\"OWNER\\\",\\\"MEMBER\\\"]"), &context(association)), Reach::Closed),
            (
                "issue_comment",
                contains(&list("[\\\"OWNER\\\",\\\"CONTRIBUTOR\\\"]"), &context(association)),
                Reach::Open,
            ),
            (
                "pull_request_target",
                contains(&context("github.event.pull_request.labels.*.name"), r#"{"literal":"safe"}"#),
                Reach::Label,
            ),
            ("workflow_run", compare("github.event.workflow_run.event", "==", r#"{"literal":"push"}"#), Reach::Closed),
            (
                "workflow_run",
                compare("github.event.workflow_run.head_branch", "==", r#"{"literal":"main"}"#),
                Reach::Open,
            ),
            ("issue_comment", contains(&context("github.event.comment.body"), r#"{"literal":"/go"}"#), Reach::Open),
        ] {
            assert_eq!(reach_of(event, &condition), expected, "{event}: {condition}");
        }
        assert_eq!(of_holder("issues", r#"{"if":false}"#), Reach::Closed);
        for (condition, expected) in [
            (compare("needs.a.outputs.go", "==", r#"{"literal":"true"}"#), Reach::Closed),
            (compare("needs.a.outputs.go", "!=", r#"{"literal":"true"}"#), Reach::Open),
            (compare("needs.a.outputs.me", "==", r#"{"literal":"true"}"#), Reach::Closed),
            (context("steps.ask.outputs.go"), Reach::Closed),
            (context("steps.free.outputs.go"), Reach::Open),
            (compare("steps.free.outputs.is_member", "==", r#"{"literal":"true"}"#), Reach::Closed),
            (compare("steps.free.outputs.is_member", "==", r#"{"literal":"false"}"#), Reach::Open),
        ] {
            assert_eq!(reach_of("issue_comment", &condition), expected, "{condition}");
        }
    }

    #[test]
    fn jobs_stand_behind_those_that_they_need() {
        let closed = r#"{"parts":[{"literal":false}]}"#;
        let always = r#"{"parts":[{"call":"always","arguments":[]}]}"#;
        let text = format!(
            r#"{{"on":{{"pull_request_target":{{"types":["opened"]}},"issues":{{"types":["labeled"]}}}},"jobs":{{
                "closed":{{"if:expression":{closed}}},"behind":{{"needs":"closed"}},"far":{{"needs":["far","behind"]}},
                "anyway":{{"needs":"closed","if:expression":{always}}},"approved":{{"environment":"prod"}},
                "deploy":{{"needs":"approved"}},"open":{{}}}}}}"#
        );
        let of = |event: &str, id: &str| {
            look_at("GitHubWorkflow", &text, |input| reach(input, event, &input.document.get("jobs").get(id)))
        };
        let target = "pull_request_target";
        assert_eq!(["closed", "behind", "far"].map(|id| of(target, id)), [Reach::Closed; 3]);
        assert_eq!(["anyway", "open"].map(|id| of(target, id)), [Reach::Open; 2]);
        assert_eq!(["approved", "deploy"].map(|id| of(target, id)), [Reach::Environment; 2]);
        assert_eq!((of("issues", "open"), of("push", "open")), (Reach::Label, Reach::Closed));
    }
}
