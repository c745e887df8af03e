use policy_sdk::json::Kind;
use policy_sdk::language::expression::all;
use policy_sdk::language::unread;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, syntax};

policy_sdk::rule! {
    /// Workflows are what GitHub takes
    ///
    /// Keys, events and scopes of `permissions` are those that GitHub knows; a job has `runs-on` and `steps`, or
    /// `uses`, and a step has `run` or `uses`, in an action with `shell`. Jobs need jobs that exist, without a circle.
    /// Ids of steps are unique. Schedules are cron expressions. Expressions can be parsed, name contexts and functions
    /// that are available where they stand, and steps, jobs, inputs and matrix values that exist. A workflow of the
    /// repository gets the inputs that it declares.
    ///
    /// Outputs of steps are not checked, since actions may set any; nor is a matrix that an expression makes.
    ///
    /// ## Why
    /// GitHub refuses a workflow with an unknown key as a whole: nothing is tested, and nobody notices who does not
    /// look. An expression that names nothing is empty, so that a condition never holds and an address has a gap.
    ///
    /// ## Fix
    /// Correct what the message names. Contexts and where they are available:
    /// <https://docs.github.com/en/actions/reference/workflows-and-actions/contexts>
    findings: {
        /// A key, an event or a scope that GitHub does not know
        UnknownKey: Medium, Likely;
        /// What has to be there is not
        Missing: Medium, Certain;
        /// Two things that exclude each other
        Conflict: Medium, Certain;
        /// A job needs one that does not exist, or itself
        Needs: Medium, Certain;
        /// Two steps have the same id, or an id is none
        Id: Medium, Certain;
        /// A schedule that is none
        Cron: Medium, Certain;
        /// An expression that cannot be parsed
        Expression: Medium, Certain;
        /// A context or a function that is not available there
        Context: Medium, Certain;
        /// An expression names what does not exist, and is empty
        Reference: Medium, Certain;
        /// Inputs that a workflow of the repository does not have, or lacks
        Input: Medium, Certain;
        /// An input that an action of the repository does not have, and ignores
        IgnoredInput: Low, Certain;
        /// GitHub starts it every five minutes at most
        TooOften: Info, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    peers: [
        "AL:syntax-check", "AL:expression", "AL:events", "AL:job-needs", "AL:id", "AL:permissions", "AL:workflow-call", "AL:action",
    ],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction"],
    reads: [
        "*", "run-name:expression", "concurrency:expression", "concurrency.group:expression", "env.*:expression",
        "on.schedule[*].cron:cron", "on.workflow_call.outputs.*.value:expression",
        "jobs.*.if:expression", "jobs.*.name:expression", "jobs.*.runs-on:expression",
        "jobs.*.runs-on[*]:expression", "jobs.*.environment:expression", "jobs.*.environment.name:expression",
        "jobs.*.environment.url:expression", "jobs.*.concurrency:expression", "jobs.*.concurrency.group:expression",
        "jobs.*.container:expression", "jobs.*.container.image:expression", "jobs.*.env.*:expression",
        "jobs.*.outputs.*:expression", "jobs.*.with.*:expression", "jobs.*.secrets.*:expression",
        "jobs.*.strategy.matrix:expression", "jobs.*.timeout-minutes:expression",
        "jobs.*.continue-on-error:expression", "jobs.*.steps[*].if:expression", "jobs.*.steps[*].name:expression",
        "jobs.*.steps[*].run:expression", "jobs.*.steps[*].with.*:expression", "jobs.*.steps[*].env.*:expression",
        "jobs.*.steps[*].working-directory:expression", "jobs.*.steps[*].continue-on-error:expression",
        "runs.steps[*].if:expression", "runs.steps[*].run:expression", "runs.steps[*].with.*:expression",
        "runs.steps[*].env.*:expression",
    ],
    inventory: {
        called: {
            kinds: ["file/GitHubWorkflow", "file/GitHubAction"],
            scope: "cluster",
            relation: called {},
            reads: ["on", "inputs", "runs.using"],
        },
    },
}

/// Where an expression stands: what it may name.
#[derive(Clone, Copy, Default)]
struct Scope<'s, 'd> {
    job: Option<&'s View<'d>>,
    /// The steps, and how many of them come before.
    steps: Option<(&'s View<'d>, usize)>,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    if input.subject.kind == "GitHubAction" {
        let steps = document.at("runs.steps");
        judge_steps(input, None, &steps, findings);
        return Ok(());
    }
    judge_keys(document, syntax::WORKFLOW, "a workflow", findings);
    judge_permissions(&document.get("permissions"), findings);
    judge_nested(document, findings);
    judge_triggers(document, findings);
    let top = Scope::default();
    for (place, available) in [
        ("run-name", syntax::IN_WORKFLOW),
        ("concurrency", syntax::IN_WORKFLOW),
        ("concurrency.group", syntax::IN_WORKFLOW),
    ] {
        judge_text(input, &text_at(document, place), available, top, findings);
    }
    judge_texts(input, &document.get("env"), syntax::IN_WORKFLOW_ENV, top, findings);
    for (_, output) in document.at("on.workflow_call.outputs").entries() {
        judge_text(input, &text_at(&output, "value"), syntax::IN_CALL_OUTPUT, top, findings);
    }
    let jobs = document.get("jobs");
    if jobs.is_empty() {
        findings.report(Code::Missing, &jobs, "the workflow has no jobs");
    }
    for (id, job) in jobs.entries() {
        judge_job(input, (id, &job), findings);
    }
    Ok(())
}

/// A text and the tree of its expressions.
type Text<'d> = (View<'d>, View<'d>);

fn text_at<'d>(holder: &View<'d>, path: &str) -> Text<'d> {
    let (above, key) = path.rsplit_once('.').map_or((holder.clone(), path), |(above, key)| (holder.at(above), key));
    (above.get(key), above.get(&format!("{key}:expression")))
}

fn judge_keys(mapping: &View<'_>, known: &[&str], what: &str, findings: &mut Findings) {
    for (key, value) in mapping.entries() {
        if !known.contains(&key) {
            findings.report(Code::UnknownKey, &value, format!("{what} has no `{key}`"));
        }
    }
}

/// Checks what stands in mappings of a workflow or a job.
fn judge_nested(holder: &View<'_>, findings: &mut Findings) {
    for (path, known) in syntax::NESTED {
        let what = path.rsplit('.').next().unwrap_or_default();
        judge_keys(&holder.at(path), known, &format!("`{what}`"), findings);
    }
    for (_, service) in holder.get("services").entries() {
        judge_keys(&service, syntax::SERVICE, "a service", findings);
    }
}

/// Checks an id, which begins with a letter or `_` and has those, digits and `-`.
fn judge_id(place: &View<'_>, id: &str, findings: &mut Findings) {
    let is_one = id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !is_one {
        findings.report(Code::Id, place, format!("`{id}` is no id: letters, digits, `-` and `_`, and no digit first"));
    }
}

fn judge_permissions(permissions: &View<'_>, findings: &mut Findings) {
    judge_keys(permissions, syntax::SCOPES, "`permissions`", findings);
    for (scope, level) in permissions.entries().filter(|(scope, _)| syntax::SCOPES.contains(scope)) {
        if !matches!(level.text(), "read" | "write" | "none") {
            let message =
                format!("`{scope}` is `read`, `write` or `none`, not `{}`", level.scalar_text().unwrap_or("null"));
            findings.report(Code::UnknownKey, &level, message);
        }
    }
}

fn judge_triggers(document: &View<'_>, findings: &mut Findings) {
    let events = github::events_of(document);
    if events.is_empty() {
        findings.report(Code::Missing, &document.get("on"), "nothing starts the workflow");
    }
    for event in events {
        if !syntax::EVENTS.contains(&event.name) {
            findings.report(Code::UnknownKey, &event.with, format!("there is no event `{}`", event.name));
        } else {
            let known = syntax::FILTERS.iter().find(|(name, _)| *name == event.name);
            judge_keys(
                &event.with,
                known.map_or(&["types"], |(_, known)| known),
                &format!("`{}`", event.name),
                findings,
            );
        }
        for filter in ["branches", "tags", "paths"] {
            let ignore = event.with.get(&format!("{filter}-ignore"));
            if event.with.get(filter).exists() && ignore.exists() {
                let message = format!("`{filter}` and `{filter}-ignore` exclude each other");
                findings.report(Code::Conflict, &ignore, message);
            }
        }
    }
    for schedule in document.at("on.schedule").items() {
        let (cron, tree) = (schedule.get("cron"), schedule.get("cron:cron"));
        let reason = unread(&tree).or(cron.text().trim_start().starts_with('@').then_some("GitHub takes five fields"));
        if let Some(reason) = reason {
            findings.report(Code::Cron, &cron, format!("`{}` is no schedule: {reason}", cron.text()));
        } else if tree.get("every").as_i64().is_some_and(|seconds| seconds < 300) {
            findings.report(Code::TooOften, &cron, format!("`{}` is more often than every five minutes", cron.text()));
        }
    }
}

fn judge_job<'d>(input: &Input<'d, Parameters>, (id, job): (&'d str, &View<'d>), findings: &mut Findings) {
    let uses = job.get("uses");
    if uses.exists() {
        for key in ["steps", "runs-on"] {
            if job.get(key).exists() {
                let message = format!("job `{id}` calls a workflow, and has `{key}` as well");
                findings.report(Code::Conflict, &job.get(key), message);
            }
        }
        let own: Vec<&str> = syntax::CALL.iter().copied().chain(["steps", "runs-on"]).collect();
        judge_keys(job, &own, "a job that calls a workflow", findings);
        judge_call(input, job, findings);
    } else {
        for key in ["runs-on", "steps"] {
            if !job.get(key).exists() {
                findings.report(Code::Missing, &job.get(key), format!("job `{id}` has no `{key}`"));
            }
        }
        judge_keys(job, syntax::JOB, "a job", findings);
    }
    judge_keys(&job.get("strategy"), syntax::STRATEGY, "`strategy`", findings);
    judge_permissions(&job.get("permissions"), findings);
    judge_nested(job, findings);
    judge_id(&job.get("name"), id, findings);
    judge_needs(input, id, job, findings);

    let steps = job.get("steps");
    let own = Scope { job: Some(job), steps: None };
    judge_text(input, &text_at(job, "if"), syntax::IN_JOB_IF, own, findings);
    judge_text(input, &text_at(job, "strategy.matrix"), syntax::IN_STRATEGY, own, findings);
    for place in [
        "name",
        "runs-on",
        "environment",
        "environment.name",
        "concurrency",
        "concurrency.group",
        "container",
        "container.image",
        "timeout-minutes",
        "continue-on-error",
    ] {
        judge_text(input, &text_at(job, place), syntax::IN_JOB, own, findings);
    }
    let labels = job.get("runs-on[*]:expression");
    for (label, tree) in job.get("runs-on").items().zip(labels.items()) {
        judge_text(input, &(label, tree), syntax::IN_JOB, own, findings);
    }
    judge_texts(input, &job.get("env"), syntax::IN_JOB_ENV, own, findings);
    judge_texts(input, &job.get("with"), syntax::IN_JOB, own, findings);
    judge_texts(input, &job.get("secrets"), syntax::IN_JOB_ENV, own, findings);
    let after = Scope { job: Some(job), steps: Some((&steps, usize::MAX)) };
    judge_texts(input, &job.get("outputs"), syntax::IN_JOB_OUTPUT, after, findings);
    judge_text(input, &text_at(job, "environment.url"), syntax::IN_JOB_OUTPUT, after, findings);
    judge_steps(input, Some(job), &steps, findings);
}

fn judge_steps<'d>(input: &Input<'d, Parameters>, job: Option<&View<'d>>, steps: &View<'d>, findings: &mut Findings) {
    let mut ids: Vec<&str> = Vec::new();
    let (in_step, in_if) = match job {
        Some(_) => (syntax::IN_STEP, syntax::IN_STEP_IF),
        None => (syntax::IN_ACTION, syntax::IN_ACTION_IF),
    };
    for (at, step) in steps.items().enumerate() {
        judge_keys(&step, syntax::STEP, "a step", findings);
        let (run, uses, id) = (step.get("run"), step.get("uses"), step.get("id"));
        let is_control = syntax::CONTROL.iter().any(|key| step.get(key).exists());
        if run.exists() && uses.exists() {
            findings.report(Code::Conflict, &uses, "a step has `run` or `uses`, not both");
        } else if !run.exists() && !uses.exists() && !is_control {
            findings.report(Code::Missing, &step, "a step has neither `run` nor `uses`");
        } else if job.is_none() && run.exists() && !step.get("shell").exists() {
            findings.report(Code::Missing, &step.get("shell"), "a script of an action has no `shell`");
        }
        if ids.iter().any(|known| known.eq_ignore_ascii_case(id.text())) {
            findings.report(Code::Id, &id, format!("another step has the id `{}`", id.text()));
        }
        if let Some(id_text) = id.as_str().filter(|text| !text.contains("${{")) {
            judge_id(&id, id_text, findings);
        }
        ids.extend(id.as_str().filter(|id| !id.is_empty()));
        let scope = Scope { job, steps: Some((steps, at)) };
        judge_text(input, &text_at(&step, "if"), in_if, scope, findings);
        for place in ["name", "run", "working-directory", "continue-on-error"] {
            judge_text(input, &text_at(&step, place), in_step, scope, findings);
        }
        judge_texts(input, &step.get("with"), in_step, scope, findings);
        judge_texts(input, &step.get("env"), in_step, scope, findings);
        judge_action(input, &step, findings);
    }
}

fn judge_needs(input: &Input<'_, Parameters>, id: &str, job: &View<'_>, findings: &mut Findings) {
    let jobs = input.document.get("jobs");
    for needed in needs(job) {
        if !jobs.get(needed.text()).exists() {
            findings.report(
                Code::Needs,
                &needed,
                format!("job `{id}` needs `{}`, which does not exist", needed.text()),
            );
            continue;
        }
        let mut seen: Vec<&str> = Vec::new();
        let mut open = vec![needed.text()];
        while let Some(name) = open.pop() {
            if !seen.contains(&name) {
                seen.push(name);
                open.extend(needs(&jobs.get(name)).map(|it| it.text()));
            }
        }
        if seen.contains(&id) {
            findings.report(Code::Needs, &needed, format!("job `{id}` needs `{}`, which needs it", needed.text()));
        }
    }
}

fn needs<'d>(job: &View<'d>) -> impl Iterator<Item = View<'d>> + use<'d> {
    let needs = job.get("needs");
    needs.items().chain(needs.as_str().is_some().then_some(needs))
}

/// Checks what a job gives to the workflow of the repository that it calls.
fn judge_call(input: &Input<'_, Parameters>, job: &View<'_>, findings: &mut Findings) {
    let path = job.get("uses").text().trim_start_matches("./").trim_start_matches("$/");
    let Some(called) = input.related("called").find(|called| github::is_at(called.name(), path)) else { return };
    let declared = called.document.at("on.workflow_call.inputs");
    let with = job.get("with");
    let same = |left: &str, right: &str| left.eq_ignore_ascii_case(right);
    for (name, value) in with.entries() {
        if !declared.entries().any(|(key, _)| same(key, name)) {
            let message = format!("`{path}` has no input `{name}`, so that GitHub refuses the call");
            findings.report(Code::Input, &value, message).label_in(&called, &declared, "its inputs");
        }
    }
    for (name, declaration) in declared.entries() {
        let is_needed = declaration.get("required").is_true() && !declaration.get("default").exists();
        if is_needed && !with.entries().any(|(key, _)| same(key, name)) {
            let message = format!("`{path}` requires the input `{name}`");
            findings.report(Code::Input, &job.get("uses"), message).label_in(&called, &declaration, "required here");
        }
    }
}

/// Checks what a step gives to an action of the repository.
fn judge_action(input: &Input<'_, Parameters>, step: &View<'_>, findings: &mut Findings) {
    let path = step.get("uses").text().trim_start_matches("./").trim_start_matches("$/").trim_end_matches('/');
    let is_it = |name: &str| github::is_at(name.rsplit_once('/').map_or("", |(folder, _)| folder), path);
    if path.is_empty() || !step.get("uses").text().starts_with(['.', '$']) {
        return;
    }
    let Some(called) = input.related("called").find(|called| is_it(called.name())) else { return };
    // The two that every action of Docker takes.
    let is_docker = called.document.at("runs.using").text().eq_ignore_ascii_case("docker");
    let inputs = called.document.get("inputs");
    for (name, value) in step.get("with").entries() {
        let is_builtin = is_docker && matches!(name, "args" | "entrypoint");
        if !is_builtin && !inputs.entries().any(|(key, _)| key.eq_ignore_ascii_case(name)) {
            let message = format!("`{path}` has no input `{name}`, and ignores it");
            findings.report(Code::IgnoredInput, &value, message).label_in(&called, &inputs, "its inputs");
        }
    }
}

fn judge_texts(
    input: &Input<'_, Parameters>,
    mapping: &View<'_>,
    available: syntax::Available,
    scope: Scope<'_, '_>,
    findings: &mut Findings,
) {
    for (key, value) in mapping.entries() {
        judge_text(input, &(value, mapping.get(&format!("{key}:expression"))), available, scope, findings);
    }
}

fn judge_text(
    input: &Input<'_, Parameters>,
    (text, tree): &Text<'_>,
    available: syntax::Available,
    scope: Scope<'_, '_>,
    findings: &mut Findings,
) {
    if let Some(reason) = unread(tree) {
        // What is longer than our own bound is no fault of the file.
        if !reason.starts_with("longer than") {
            findings.report(Code::Expression, text, format!("the expression cannot be parsed: {reason}"));
        }
        return;
    }
    for part in all(tree) {
        let call = part.call();
        if !call.is_empty() && !syntax::takes_call(available, call) {
            findings.report(Code::Context, &part, format!("`{call}()` is not available here"));
        }
        let context = part.context();
        let (root, rest) = context.split_once(['.', '[']).unwrap_or((context, ""));
        // `.x` of a call.
        if root.is_empty() {
            continue;
        }
        if let Some(why) = syntax::refuses(available, root) {
            findings.report(Code::Context, &part, why);
        } else if let Some(what) = unknown(input, root, rest, context, scope) {
            findings.report(Code::Reference, &part, format!("{what}, so that `{context}` is empty"));
        }
    }
}

/// Why what an expression names does not exist.
fn unknown(
    input: &Input<'_, Parameters>,
    root: &str,
    rest: &str,
    context: &str,
    scope: Scope<'_, '_>,
) -> Option<String> {
    let name = rest.split(['.', '[']).next().filter(|name| !name.is_empty() && *name != "*" && *name != "…]")?;
    let same = |key: &str| key.eq_ignore_ascii_case(name);
    let document = &input.document;
    match root {
        "steps" => {
            let (steps, before) = scope.steps?;
            let at = steps.items().position(|step| same(step.get("id").text()));
            match at {
                None => Some(format!("no step has the id `{name}`")),
                Some(at) if at >= before => Some(format!("step `{name}` runs later, or is this one")),
                Some(_) => None,
            }
        }
        "needs" => {
            let job = scope.job?;
            let Some(needed) = needs(job).find(|needed| same(needed.text())) else {
                return Some(format!("the job does not need `{name}`"));
            };
            let (_, output) = context.split_once(".outputs.")?;
            let there = document.get("jobs").get(needed.text());
            let is_known = output.contains(['.', '[', '*']) || !there.exists() || there.get("uses").exists();
            let outputs = there.get("outputs");
            let has = outputs.entries().any(|(key, _)| key.eq_ignore_ascii_case(output));
            (!is_known && !has).then(|| format!("job `{name}` has no output `{output}`"))
        }
        "inputs" => {
            let mut declared = github::events_of(document).into_iter().map(|event| event.with.get("inputs"));
            let has = declared.any(|inputs| inputs.entries().any(|(key, _)| same(key)))
                || document.get("inputs").entries().any(|(key, _)| same(key));
            (!has).then(|| format!("there is no input `{name}`"))
        }
        "matrix" => {
            let matrix = scope.job?.at("strategy.matrix");
            let is_made = matches!(matrix.kind(), Some(Kind::String)) || matrix.get("include").as_str().is_some();
            let of_include = matrix.get("include").items().flat_map(|row| row.entries());
            let has = matrix.entries().chain(of_include).any(|(key, _)| same(key));
            let is_listed = matrix.get("include").items().all(|row| row.kind() == Some(Kind::Object));
            (!is_made && !has && is_listed).then(|| format!("the matrix has no `{name}`"))
        }
        "github" if context.starts_with("github.event.inputs.") => {
            let input = context.strip_prefix("github.event.inputs.")?;
            let events = github::events_of(document);
            let dispatch = events.iter().find(|event| event.name == "workflow_dispatch");
            let inputs = dispatch?.with.get("inputs");
            let has = inputs.entries().any(|(key, _)| key.eq_ignore_ascii_case(input));
            (!has && !input.contains(['.', '*', '['])).then(|| format!("there is no input `{input}`"))
        }
        _ => {
            let known = syntax::properties(root)?;
            (!known.contains(&name)).then(|| format!("`{root}` has no `{name}`"))
        }
    }
}
