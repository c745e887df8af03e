use policy_sdk::language::shell::{Command, Word, all_commands};
use policy_sdk::language::unread;
use policy_sdk::prelude::*;

policy_sdk::rule! {
    /// Workflows do not use the retired commands
    ///
    /// No `env` sets `ACTIONS_ALLOW_UNSECURE_COMMANDS`, and no script writes it to `$GITHUB_ENV`. No script prints
    /// `::set-env` or `::add-path`, which the runner refuses, nor `::set-output` or `::save-state`, which it still
    /// takes. What is written into a file is no command.
    ///
    /// ## Why
    /// Whatever a step prints can hold such a command: the title of an issue, the output of a test. With the old
    /// commands allowed, that text sets `PATH` or `LD_PRELOAD` for all later steps, and takes over the job.
    ///
    /// ## Fix
    /// Remove `ACTIONS_ALLOW_UNSECURE_COMMANDS`, and write to the files that the runner names:
    ///
    /// ```yaml
    /// - run: |
    ///     echo "version=1.2.3" >> "$GITHUB_OUTPUT"
    ///     echo "MODE=release" >> "$GITHUB_ENV"
    ///     echo "$HOME/bin" >> "$GITHUB_PATH"
    /// ```
    findings: {
        /// The runner is told to take variables and paths from whatever is printed
        Allowed: High, Certain;
        /// The runner refuses the command, and the step fails
        Refused: Medium, Certain;
        /// The command will be removed
        Deprecated: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    peers: ["ZZ:insecure-commands", "CK:CKV_GHA_1", "AL:deprecated-commands"],
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction"],
    reads: [
        "env", "jobs.*.env", "jobs.*.container.env", "jobs.*.steps[*].env", "jobs.*.steps[*].run",
        "jobs.*.steps[*].run:shell", "runs.steps[*].env", "runs.steps[*].run", "runs.steps[*].run:shell",
    ],
}

const ALLOW: &str = "ACTIONS_ALLOW_UNSECURE_COMMANDS";
const REFUSED: [&str; 2] = ["::set-env", "::add-path"];
const DEPRECATED: [&str; 2] = ["::set-output", "::save-state"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    let is_allowed = judge_env(&document.get("env"), findings);
    let mut unknown = None;
    for (_, job) in document.get("jobs").entries() {
        let of_job = judge_env(&job.get("env"), findings) | judge_env(&job.at("container.env"), findings);
        for step in job.get("steps").items() {
            unknown = unknown.or(judge_step(&step, is_allowed || of_job, findings));
        }
    }
    for step in document.at("runs.steps").items() {
        unknown = unknown.or(judge_step(&step, false, findings));
    }
    findings.or_unknown(unknown.map(|reason| format!("a script with such a command is not read: {reason}")))
}

/// Reports that the commands are allowed; whether they are.
fn judge_env(env: &View<'_>, findings: &mut Findings) -> bool {
    let Some((_, value)) = env.entries().find(|(name, _)| name.eq_ignore_ascii_case(ALLOW)) else { return false };
    let is_on =
        value.is_true() || value.scalar_text().is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true"));
    if is_on {
        let message =
            format!("`{ALLOW}` is on, so that whatever is printed can set variables and paths of later steps");
        findings.report(Code::Allowed, &value, message);
    }
    is_on
}

/// Checks a step; why its script could not be read, where that matters.
fn judge_step<'d>(step: &View<'d>, is_allowed: bool, findings: &mut Findings) -> Option<&'d str> {
    let is_allowed = judge_env(&step.get("env"), findings) || is_allowed;
    let (script, tree) = (step.get("run"), step.get("run:shell"));
    for command in all_commands(&tree) {
        let is_printed = matches!(command.name(), "echo" | "printf" | "Write-Output" | "Write-Host" | "cat");
        if !is_printed {
            continue;
        }
        let into_file = command.get("redirects").items().any(|it| it.get("operator").text().starts_with('>'));
        if into_file {
            let is_env = |it: View<'_>| it.at("target.text").text().contains("GITHUB_ENV");
            let sets = |word: &Word<'_>| word.text().starts_with(ALLOW) && word.text().ends_with("=true");
            let word = command.program_words().find(sets);
            if let Some(word) = word.filter(|_| command.get("redirects").items().any(is_env)) {
                let message = format!("`{ALLOW}` is switched on for all later steps");
                findings.report(Code::Allowed, &word, message);
            }
            continue;
        }
        for word in printed(&command) {
            judge_text(&word, is_allowed, &script, findings);
        }
    }
    let has_command = || REFUSED.iter().chain(&DEPRECATED).any(|command| script.text().contains(command));
    unread(&tree).filter(|_| has_command())
}

/// What a command prints: its words, or its here-document.
fn printed<'d>(command: &Command<'d>) -> Vec<View<'d>> {
    match command.name() {
        "cat" => command.get("redirects").items().map(|it| it.get("heredoc")).filter(View::exists).collect(),
        _ => command.program_words().skip(1).map(|word| View::clone(&word)).collect(),
    }
}

fn judge_text(word: &View<'_>, is_allowed: bool, script: &View<'_>, findings: &mut Findings) {
    let text = word.get("text").text();
    // A command stands at the beginning of a line; `printf` and `echo -e` write line breaks as `\n`.
    let mut lines = text.split('\n').flat_map(|line| line.split("\\n")).map(str::trim_start);
    let known = REFUSED.iter().map(|it| (it, true)).chain(DEPRECATED.iter().map(|it| (it, false)));
    let found = lines.find_map(|line| known.clone().find(|(command, _)| starts(line, command)));
    let Some((command, is_refused)) = found else { return };
    let (code, message) = match is_refused {
        true if is_allowed => return,
        true => (Code::Refused, format!("`{command}` is refused by the runner, so that the step fails")),
        false => {
            (Code::Deprecated, format!("`{command}` is deprecated, expected a line in a file such as `$GITHUB_OUTPUT`"))
        }
    };
    findings.report(code, word, message).fix(fix(text, script));
}

/// Whether a line is that command: `::set-output name=…::` and not `::set-output-x`.
fn starts(line: &str, command: &str) -> bool {
    line.strip_prefix(command).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']))
}

/// `echo "::set-output name=x::y"` as a line in a file, where it is written so and is the last of its line.
fn fix(text: &str, script: &View<'_>) -> Option<Fix> {
    let (name, value) = text.strip_prefix("::set-output name=")?.split_once("::")?;
    let written = format!("\"{text}\"");
    let (before, after) = script.text().split_once(&written)?;
    let is_last = after.is_empty() || after.starts_with('\n');
    let is_whole = before.trim_end().ends_with("echo");
    (is_last && is_whole && !value.contains('\n')).then(|| {
        let own = format!("{before}\"{name}={value}\" >> \"$GITHUB_OUTPUT\"{after}");
        Fix::unsafe_(format!("write `{name}` to `$GITHUB_OUTPUT`, unless its value has line breaks")).set(script, own)
    })
}
