use policy_sdk::language::shell::{Command, all_commands, assignments};
use policy_sdk::prelude::*;
use policy_sdk::repository::pipeline::{self, OwnPipeline};

policy_sdk::rule! {
    /// Tests are skipped in the tool's own way
    ///
    /// What a command for tests leaves out, it leaves out as the tool reads it. `cargo test -- --skip` takes a part of a name:
    /// a list with `|` between skips nothing. `go test -skip` and `-run` take a regular expression: an empty alternative, as a
    /// list that ends with `|` has it, matches every test. Empty values of `-k` and `-m` of pytest select nothing and are what
    /// is left of a variable. A list that a script puts together with `|` for `--skip` counts as well.
    ///
    /// ## Why
    /// Tests that are known to be flaky go on failing builds, although somebody has listed them. Or the empty alternative
    /// skips every test, and the check is green for ever.
    ///
    /// ## Fix
    /// Give each name an option of its own, and keep the names in a file that says who wants them skipped, why and until
    /// when:
    ///
    /// ```yaml
    /// - run: |
    ///     mapfile -t names < <(yq '.flaky_tests[].name' .github/flaky-tests.yml)
    ///     cargo test -- "${names[@]/#/--skip=}"
    /// ```
    findings: {
        /// The option skips nothing
        SkipsNothing: Medium, Certain;
        /// An empty alternative matches every test
        MatchesAll: Medium, Certain;
        /// The expression is empty
        Empty: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: [
        "file/GitHubWorkflow", "file/GitHubAction", "file/GitLabPipeline", "file/Buildspec", "file/Makefile",
    ],
    uses: [OwnPipeline],
    reads: ["rules[*].recipe[*]:shell"],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    if input.subject.kind == "Makefile" {
        for rule in document.get("rules").items() {
            rule.get("recipe[*]:shell").items().for_each(|line| judge(&line, findings));
        }
        return Ok(());
    }
    for step in pipeline::own(input).jobs.iter().flat_map(|job| &job.steps) {
        step.scripts.iter().for_each(|script| judge(script, findings));
    }
    Ok(())
}

/// Checks the commands of a script.
fn judge(script: &View<'_>, findings: &mut Findings) {
    // Variables that hold a list with `|` between.
    let joined: Vec<&str> = assignments(script)
        .into_iter()
        .filter(|(_, value)| all_commands(value).iter().any(joins))
        .map(|(name, _)| name)
        .collect();
    for command in &all_commands(script) {
        for (option, value, place) in options(command) {
            let name = command.name();
            let is_joined = || {
                let variable = value.trim_start_matches(['$', '{']).trim_end_matches('}');
                value.starts_with('$') && joined.contains(&variable) || all_commands(&place).iter().any(joins)
            };
            let is_known = !place.get("parts").exists();
            let has_empty = value.starts_with('|') || value.ends_with('|') || value.contains("||");
            match (name, option) {
                ("cargo", "--skip") if is_joined() || is_known && value.contains('|') => {
                    let message = "`--skip` takes a part of a name, so that a list with `|` between skips nothing";
                    findings.report(Code::SkipsNothing, &place, message);
                }
                ("go" | "gotestsum", "-skip" | "-run") if is_known && has_empty => {
                    let message = format!("`{option} {value}` has an empty alternative, which matches every test");
                    findings.report(Code::MatchesAll, &place, message);
                }
                ("pytest" | "py.test" | "python" | "python3", "-k" | "-m") if is_known && value.trim().is_empty() => {
                    findings.report(Code::Empty, &place, format!("`{option}` has an empty expression"));
                }
                _ => {}
            }
        }
    }
}

/// Options with their values, and the word that has the value.
fn options<'d>(command: &Command<'d>) -> Vec<(&'d str, &'d str, View<'d>)> {
    let words: Vec<_> = command.program_words().collect();
    let mut options = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match word.text().split_once('=') {
            Some((option, value)) if option.starts_with('-') => options.push((option, value, View::clone(word))),
            _ => {
                if let Some(next) = words.get(at + 1) {
                    options.push((word.text(), next.text(), View::clone(next)));
                }
            }
        }
    }
    options
}

/// Whether a command puts a list together with `|` between: `tr '\n' '|'`, `paste -sd '|'`, `jq 'join("|")'`.
fn joins(command: &Command<'_>) -> bool {
    let mut words = command.arguments();
    match command.name() {
        "tr" => words.last() == Some("|"),
        "paste" => words.any(|word| word.ends_with('|')),
        "jq" | "yq" => words.any(|word| word.contains(r#"join("|")"#)),
        _ => false,
    }
}
