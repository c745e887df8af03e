use policy_sdk::language::expression::{self, Expression, Value, no_facts};
use policy_sdk::language::unread;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Triggers, outsider};

policy_sdk::rule! {
    /// Conditions mean what they say
    ///
    /// An `if` with `${{ }}` is one expression and nothing beside it, and no condition is the same whatever happens
    /// (`github.ref == 'a' || 'b'`). `contains()` with a written text looks for a part of the text, not for an entry of
    /// a list. In `condition && value || other`, the value is not `false`, `0`, `''` or `null`, since `other` is taken
    /// then. No workflow that anybody can start asks by `github.actor` whether a bot made the pull request.
    ///
    /// `if: true`, `if: false` and `false && …` are choices and pass.
    ///
    /// ## Why
    /// GitHub puts the text around an expression into a string, and a string that is not empty holds. The job or step
    /// runs every time, and nobody notices. `github.actor` is whoever caused the last event: a stranger's pull request
    /// passes for the bot's as soon as the bot touches it.
    ///
    /// ## Fix
    /// Write the whole condition as one expression, without `${{ }}`:
    ///
    /// ```yaml
    /// if: needs.changes.outputs.go == 'true' || github.event_name == 'workflow_dispatch'
    /// ```
    ///
    /// Ask for an entry of a list: `contains(fromJSON('["main", "release"]'), github.ref_name)`. Turn the
    /// condition round where the value is empty: `!condition && other || value`. Ask who wrote the pull request:
    /// `github.event.pull_request.user.login == 'dependabot[bot]'`.
    findings: {
        /// Text stands beside the expression: the condition always holds
        AlwaysTrue: Medium, Certain;
        /// The condition does not depend on anything
        Constant: Medium, Certain;
        /// `contains()` looks for a part of a text
        Substring: Medium, Likely;
        /// The value before `||` is never taken
        Ternary: Medium, Certain;
        /// Whoever caused the last event passes for the author, where secrets are at hand
        BotActor: Medium, Likely;
        /// Whoever caused the last event passes for the author
        BotActorUnprivileged: Info, Likely;
    },
    priority: P2,
    effort: Small,
    factor: BuildReleaseRun,
    peers: ["ZZ:unsound-condition", "ZZ:unsound-contains", "ZZ:unsound-ternary", "ZZ:bot-conditions", "AL:if-cond"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction"],
    uses: [Triggers],
    reads: [
        "env", "env.*:expression", "run-name", "run-name:expression", "concurrency", "concurrency:expression",
        "concurrency.group:expression", "concurrency.cancel-in-progress:expression",
        "jobs.*.if", "jobs.*.if:expression", "jobs.*.name", "jobs.*.name:expression",
        "jobs.*.runs-on", "jobs.*.runs-on:expression", "jobs.*.runs-on[*]:expression",
        "jobs.*.environment", "jobs.*.environment:expression", "jobs.*.environment.name:expression",
        "jobs.*.env", "jobs.*.env.*:expression", "jobs.*.with", "jobs.*.with.*:expression",
        "jobs.*.outputs", "jobs.*.outputs.*:expression", "jobs.*.steps[*].if", "jobs.*.steps[*].if:expression",
        "jobs.*.steps[*].env", "jobs.*.steps[*].env.*:expression", "jobs.*.steps[*].with",
        "jobs.*.steps[*].with.*:expression", "jobs.*.steps[*].run", "jobs.*.steps[*].run:expression",
        "runs.steps[*].if", "runs.steps[*].if:expression", "runs.steps[*].env", "runs.steps[*].env.*:expression",
        "runs.steps[*].with", "runs.steps[*].with.*:expression", "runs.steps[*].run", "runs.steps[*].run:expression",
    ],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workflow = &input.document;
    let mut unknown = None;
    for (_, job) in workflow.get("jobs").entries() {
        judge_condition(input, &job, findings, &mut unknown);
        for step in job.get("steps").items() {
            judge_condition(input, &step, findings, &mut unknown);
        }
    }
    for step in workflow.at("runs.steps").items() {
        judge_condition(input, &step, findings, &mut unknown);
    }
    for part in expression::trees(workflow).iter().flat_map(expression::all) {
        judge_part(&part, findings);
    }
    findings.or_unknown(unknown.map(|reason| format!("a condition is not read: {reason}")))
}

/// Checks the `if` of a job or a step.
fn judge_condition<'d>(
    input: &Input<'d, Parameters>,
    holder: &View<'d>,
    findings: &mut Findings,
    unknown: &mut Option<&'d str>,
) {
    let (condition, tree) = (holder.get("if"), holder.get("if:expression"));
    let text = condition.text();
    if let Some(reason) = unread(&tree) {
        unknown.get_or_insert(reason);
        return;
    }
    let Some(whole) = expression::whole(&tree) else {
        if text.contains("${{") {
            let beside = tree.get("parts").items().map(|part| part.get("text").text().trim()).find(|it| !it.is_empty());
            let beside = beside.map_or("a line break".to_owned(), |beside| format!("`{beside}`"));
            let message = format!("{beside} stands beside the expression, so that the condition always holds");
            let fix = unfenced(&tree, text).map(|own| Fix::unsafe_("make it one expression").set(&condition, own));
            findings.report(Code::AlwaysTrue, &condition, message).fix(fix);
        }
        return;
    };
    let parts = expression::all(&tree);
    let is_chosen = whole.literal().as_bool().is_some()
        || parts.iter().any(|part| part.call() == "always" || part.literal().as_bool() == Some(false));
    if let Some(value) = whole.value(&no_facts).filter(|_| !is_chosen) {
        let always = if value.holds() { "always" } else { "never" };
        let message = format!("the condition {always} holds, whatever happens");
        findings.report(Code::Constant, &condition, message);
    }
    for part in parts.iter().filter(|part| asks_for_bot(part)) {
        let is_privileged =
            |event: &github::Event<'_>| outsider::PRIVILEGED.contains(&event.name) && event.name != "fork";
        let events = github::events(input);
        let (code, event) = match events.iter().find(|event| is_privileged(event)) {
            Some(event) => (Code::BotActor, event.name),
            None if events.iter().any(|event| event.name == "pull_request") => {
                (Code::BotActorUnprivileged, "pull_request")
            }
            None => continue,
        };
        let context = part.operands().iter().map(Expression::context).find(|it| !it.is_empty()).unwrap_or_default();
        let message = format!(
            "`{context}` is who caused the last event, not who opened the pull request, and anybody can start \
             `{event}`"
        );
        findings.report(code, part, message);
    }
}

/// A condition without `${{ }}`: each expression in brackets, where something stands beside it.
fn unfenced(tree: &View<'_>, text: &str) -> Option<String> {
    let is_alone = tree.get("parts").items().all(|part| part.get("text").text().trim().is_empty());
    let mut own = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${{") {
        let (inner, after) = behind.split_once("}}")?;
        let inner = inner.trim();
        let needs_brackets = !is_alone && inner.contains("||");
        own.push_str(before);
        own.push_str(&if needs_brackets { format!("({inner})") } else { inner.to_owned() });
        rest = after;
    }
    own.push_str(rest);
    let own = own.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    // In double quotes it is no expression; and YAML has its own meaning for `!` at the beginning.
    (!own.contains('"') && !own.starts_with('!')).then_some(own)
}

/// The numbers of Dependabot, Renovate and GitHub Actions.
const BOTS: [&str; 3] = ["49699333", "29139614", "41898282"];

/// `github.actor == 'dependabot[bot]'`, `github.actor_id == 49699333`.
fn asks_for_bot(part: &Expression<'_>) -> bool {
    let operands = part.operands();
    let is_bot = |it: &Expression<'_>| {
        let literal = it.literal();
        literal.text().ends_with("[bot]") || literal.scalar_text().is_some_and(|id| BOTS.contains(&id))
    };
    part.operator() == "=="
        && operands
            .iter()
            .any(|it| matches!(it.context(), "github.actor" | "github.triggering_actor" | "github.actor_id"))
        && operands.iter().any(is_bot)
}

/// Checks a part of any expression.
fn judge_part(part: &Expression<'_>, findings: &mut Findings) {
    let operands = part.operands();
    if part.call() == "contains" {
        let (Some(list), Some(item)) = (operands.first(), operands.get(1)) else { return };
        let text = list.literal().text();
        if text.contains([' ', ',']) && !item.context().is_empty() {
            let context = item.context();
            let message =
                format!("`{context}` is looked for as a part of the text `{text}`, not as one of its entries");
            findings.report(Code::Substring, part, message);
        }
    } else if part.operator() == "||" {
        let Some(left) = operands.first().filter(|left| left.operator() == "&&") else { return };
        let Some(value) = left.operands().into_iter().nth(1) else { return };
        if value.literal().kind().is_some() && value.value(&no_facts).is_some_and(|value| !value.holds()) {
            let shown = match value.value(&no_facts) {
                Some(Value::Text(_)) => "''".to_owned(),
                Some(Value::Number(digits)) => digits,
                Some(Value::Bool(_)) => "false".to_owned(),
                _ => "null".to_owned(),
            };
            let message = format!("`{shown}` before `||` is never taken: what follows is, whatever the condition says");
            findings.report(Code::Ternary, &value, message);
        }
    }
}
