use policy_sdk::language::expression::contexts;
use policy_sdk::language::shell::{Command, all_commands, lists};
use policy_sdk::prelude::*;
use policy_sdk::repository::pipeline::{self, OwnPipeline, Pipeline, Step, Work};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// Tests and scans cannot be skipped
    ///
    /// A gate is a step that tests, lints, scans, audits or validates, or that waits for a deployment and tries it out, as
    /// its command or action shows, whatever its name is.
    ///
    /// A step with a gate, and a job with one, does not have `continue-on-error: true`. An expression passes, and so does a
    /// step that only runs for some combinations of a matrix, or whose `outcome` or `conclusion` something asks for. The
    /// command of a gate is not followed by `|| true`, `|| exit 0`, `|| :` or `|| echo`, and its script does not switch
    /// errors off with `set +e`, unless the script ends with an `exit` of its own. A command that writes a report, to a
    /// file or through a pipe, is no gate: what reads the report may be one. Nor is one that runs after a failure.
    ///
    /// A job that deploys does not run after one of the gates that it needs has failed: an `if` with `always()`,
    /// `!cancelled()` or `failure()` tests `needs.*.result` as well. The same holds for a step that deploys, and gates
    /// before it in its job. What rolls back may run then.
    ///
    /// Workflows that only a schedule starts get a remark. Files that a program has written (`*.lock.yml`) are skipped.
    /// `exit-code: 0` of a scan is what `wf-scan-blocks` reports.
    ///
    /// ## Why
    /// The run is green although the test has failed, so it is merged and deployed. After a week nobody looks any more.
    ///
    /// ## Fix
    /// Delete `continue-on-error` or `|| true`, and mend or delete the test that fails. Let a job that has to run after
    /// others were skipped ask for their results:
    ///
    /// ```yaml
    /// deploy:
    ///   needs: [test, scan]
    ///   if: ${{ !cancelled() && needs.test.result == 'success' && needs.scan.result == 'success' }}
    /// ```
    findings: {
        /// A job or a step deploys although a gate has failed
        DeploysAnyway: High, Likely, covers: ["wf-scan-before-deploy/runs-anyway"], within: Document;
        /// A gate may fail without failing its job
        ContinuesOnError: Medium, Likely;
        /// The exit code of a gate's command is thrown away
        Masked: Medium, Likely;
        /// Such a gate of a workflow that only a schedule starts
        Scheduled: Info, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    peers: ["ZZ:unsound-condition"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline],
    reads: ["jobs.*.outputs", "jobs.*.strategy.matrix"],
}

const GATES: [Does; 12] = [
    Does::Test,
    Does::Lint,
    Does::StaticAnalysis,
    Does::DependencyAudit,
    Does::SecretScan,
    Does::ScanImage,
    Does::InfrastructureFormat,
    Does::InfrastructureValidate,
    Does::InfrastructureScan,
    Does::ManifestValidate,
    Does::VerifyRollout,
    Does::Smoke,
];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    if input.subject.name.ends_with(".lock.yml") {
        return not_applicable("a program has written it");
    }
    let pipeline = pipeline::own(input);
    let code = |code| if pipeline.is_only_scheduled() { Code::Scheduled } else { code };
    let gates: Vec<&Work<'_>> = pipeline.doing(&GATES).filter(|work| is_gate(&pipeline, work)).collect();
    for (at, job) in pipeline.jobs.iter().enumerate() {
        let own = || gates.iter().filter(|work| work.at.0 == at);
        let may_fail = job.view.get("continue-on-error");
        if let Some(gate) = own().next().filter(|_| may_fail.is_true()) {
            let message = format!("job `{}` runs `{}` and may fail without failing the workflow", job.id, gate.name());
            let fix = Fix::unsafe_("let the job fail").remove(&may_fail);
            findings.report(code(Code::ContinuesOnError), &may_fail, message).fix(fix);
        }
        for (index, step) in job.steps.iter().enumerate() {
            let may_fail = step.view.get("continue-on-error");
            let gate = own().find(|work| work.at.1 == index);
            if let Some(gate) =
                gate.filter(|_| may_fail.is_true() && !is_of_matrix(step) && !is_asked(&pipeline, at, step))
            {
                let message = format!("`{}` may fail without failing its job", gate.name());
                let fix = Fix::unsafe_("let the step fail").remove(&may_fail);
                findings.report(code(Code::ContinuesOnError), &may_fail, message).fix(fix);
            }
            for script in &step.scripts {
                for (gate, how) in masked(script, &own().copied().collect::<Vec<_>>()) {
                    let message = format!("`{}` cannot fail: {how}", gate.name());
                    findings.report(code(Code::Masked), &gate.place, message);
                }
            }
        }
    }
    for deployment in pipeline.first_deployments() {
        check_deployment(&pipeline, deployment, &gates, findings);
    }
    Ok(())
}

/// Whether something is a gate: no report that something else checks, or that is written after a failure. What waits or
/// asks is one behind a deployment that is none for tests.
fn is_gate(pipeline: &Pipeline<'_>, work: &Work<'_>) -> bool {
    let reports =
        pipeline.step(work).is_some_and(|step| pipeline::calls(&step.view.get("if:expression"), &["failure"]));
    let is_behind = || pipeline.deployments().iter().any(|deployment| pipeline.is_before(deployment, work));
    let is_asked = !matches!(work.does, Does::VerifyRollout | Does::Smoke) || is_behind();
    is_asked && !reports && !work.command.as_ref().is_some_and(writes_report)
}

/// Whether the output of a command goes to a file, for something else to read.
fn writes_report(command: &Command<'_>) -> bool {
    let to_file = |redirect: View<'_>| {
        let is_output = matches!(redirect.get("operator").text(), ">" | ">>" | "&>");
        is_output && !redirect.at("target.text").text().starts_with("/dev/")
    };
    command.get("redirects").items().any(to_file)
        || command.arguments().any(|it| {
            let option = it.split('=').next().unwrap_or_default();
            matches!(option, "--json" | "--output" | "--output-file" | "-o" | "--sarif")
        })
}

/// Whether a step is for some of the combinations of a matrix, such as the newest version of a tool.
fn is_of_matrix(step: &Step<'_>) -> bool {
    contexts(&step.view.get("if:expression")).iter().any(|context| context.starts_with("matrix."))
}

/// Whether something asks how a step ended: a step behind it, an output of its job.
fn is_asked(pipeline: &Pipeline<'_>, job: usize, step: &Step<'_>) -> bool {
    let id = step.view.get("id").text().to_ascii_lowercase();
    let asks = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["outcome", "conclusion"].iter().any(|what| text.contains(&format!("steps.{id}.{what}")))
    };
    let job = &pipeline.jobs[job];
    let in_condition = |step: &Step<'_>| contexts(&step.view.get("if:expression")).into_iter().any(asks);
    let in_texts = |view: View<'_>| view.entries().any(|(_, value)| asks(value.text()));
    let in_scripts = |step: &Step<'_>| {
        step.commands().any(|command| command.words().any(|word| asks(word.text())))
            || step.scripts.iter().any(|script| {
                let commands = all_commands(script);
                commands.iter().any(|it| it.get("assignments").items().any(|it| asks(it.at("value.text").text())))
            })
    };
    let is_later = |other: &Step<'_>| {
        in_condition(other) || in_texts(other.view.get("env")) || in_texts(other.view.get("with")) || in_scripts(other)
    };
    !id.is_empty() && (in_texts(job.view.get("outputs")) || job.steps.iter().any(is_later))
}

/// The gates of a script whose result is thrown away, and how.
fn masked<'w, 'd>(script: &View<'d>, gates: &[&'w Work<'d>]) -> Vec<(&'w Work<'d>, &'static str)> {
    let mut found = Vec::new();
    for list in lists(script) {
        let exits = |rest: &[Command<'_>]| {
            rest.iter().any(|it| it.name() == "exit" && it.arguments().next().is_some_and(|code| code != "0"))
                || rest.iter().any(|it| matches!(it.kind(), "if" | "case"))
        };
        for (at, command) in list.iter().enumerate() {
            let Some(gate) = gates.iter().find(|gate| gate.place.pointer() == command.pointer()) else { continue };
            // Behind the rest of its pipe.
            let piped = list[at + 1..].iter().take_while(|other| matches!(other.joined(), "|" | "|&")).count();
            if list[at + 1..][..piped].iter().any(|other| other.name() != "tee") {
                continue;
            }
            let behind = list.get(at + 1 + piped);
            let is_off = list[..at].iter().rev().find_map(errexit) == Some(false);
            if behind.is_some_and(|other| other.joined() == "||" && succeeds(other)) && !fails_later(&list[at + 1..]) {
                found.push((*gate, "what follows `||` succeeds"));
            } else if is_off && behind.is_some() && !exits(&list[at + 1..]) && !list[at + 1..].iter().any(asks_status) {
                found.push((*gate, "the script has `set +e`"));
            }
        }
    }
    found
}

/// Whether something behind a command ends the script with an error.
fn fails_later(rest: &[Command<'_>]) -> bool {
    rest.iter()
        .flat_map(|command| all_commands(command))
        .any(|it| it.name() == "exit" && it.arguments().next().is_some_and(|code| code != "0"))
}

/// Whether a command switches errors on or off.
fn errexit(command: &Command<'_>) -> Option<bool> {
    let first = command.arguments().next().filter(|_| command.name() == "set")?;
    let is_e = first.len() <= 4 && first[1..].contains('e');
    is_e.then(|| first.starts_with('-'))
}

fn asks_status(command: &Command<'_>) -> bool {
    command.words().any(|word| word.text().contains("$?"))
        || command.get("assignments").items().any(|it| it.at("value.text").text().contains("$?"))
        || errexit(command) == Some(true)
}

/// Whether a command behind `||` succeeds in any case, and ends nothing.
fn succeeds(command: &Command<'_>) -> bool {
    match command.name() {
        "true" | ":" | "echo" | "printf" => true,
        "exit" => command.arguments().next() == Some("0"),
        _ => false,
    }
}

/// Of a deployment: whether it runs after a gate has failed.
fn check_deployment(pipeline: &Pipeline<'_>, deployment: &Work<'_>, gates: &[&Work<'_>], findings: &mut Findings) {
    let (Some(job), Some(step)) = (pipeline.job(deployment), pipeline.step(deployment)) else { return };
    if pipeline.works_of(deployment.at.0).any(|work| work.does == Does::Rollback && work.at.1 == deployment.at.1) {
        return;
    }
    let needed = pipeline.ancestors(deployment.at.0);
    let ignored = |gate: &&&Work<'_>| {
        needed.contains(&gate.at.0) && pipeline.runs_despite(deployment.at.0, gate.at.0)
            || gate.at.0 == deployment.at.0 && gate.at.1 < deployment.at.1 && step.runs_after_failure()
    };
    let Some(gate) = gates.iter().find(ignored) else { return };
    let condition = if gate.at.0 == deployment.at.0 { step.view.get("if") } else { job.view.get("if") };
    let message = format!("`{}` runs in job `{}` even if `{}` has failed", deployment.name(), job.id, gate.name());
    findings.report(Code::DeploysAnyway, &condition, message).label(&gate.place, "this may have failed");
}
