use policy_sdk::language::shell::{Command, all_commands};
use policy_sdk::parameter::Bounded;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{Action, given};

policy_sdk::rule! {
    /// The threshold of the coverage is high enough
    ///
    /// Where tests have to cover a share of the code, in a workflow, a Makefile, `pyproject.toml` or `package.json`
    /// (`--fail-under`, `--fail-under-lines`, `--cov-fail-under`, `fail_under`, `coverageThreshold`, `--check-coverage`), the
    /// share is `min` percent at least, or `per_service_min` of a command for one package alone (`-p`, `--package`). A value
    /// in a variable is not evaluated. An upload with `codecov/codecov-action` and `fail_ci_if_error: false` beside no
    /// threshold is a remark: forks have no token.
    ///
    /// Whether there is a threshold at all is for `wf-required-stages`; whether its failure stops anything, for the rule on
    /// gates. The configuration of Codecov is not read.
    ///
    /// ## Why
    /// A threshold far below what is covered today lets untested code in for months, and everybody believes that the gate
    /// holds.
    ///
    /// ## Fix
    /// Set the threshold to what is covered today, and raise it up to `min`:
    ///
    /// ```yaml
    /// - run: cargo llvm-cov --workspace --fail-under-lines 80
    /// ```
    findings: {
        /// The threshold is lower than required
        TooLow: Low, Likely;
        /// The upload is all that there is, and may fail
        UploadMayFail: Info, Likely;
    },
    priority: P1,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow", "file/GitHubAction", "file/Makefile", "file/PythonProject", "file/NpmPackage"],
    reads: [
        "jobs.*.steps[*].uses", "jobs.*.steps[*].with", "jobs.*.steps[*].run:shell", "runs.steps[*].run:shell",
        "rules[*].recipe[*]:shell", "tool.coverage.report.fail_under", "tool.pytest.ini_options.addopts", "jest.coverageThreshold",
        "scripts.*", "scripts.*:shell",
    ],
    parameters: {
        /// The share of the code, in percent.
        min: Bounded<0, 100> = Bounded::of(80),
        /// That share for one package alone.
        per_service_min: Bounded<0, 100> = Bounded::of(75),
    },
}

/// Options that set a threshold in percent.
const OPTIONS: [&str; 9] = [
    "--fail-under",
    "--fail-under-lines",
    "--fail-under-functions",
    "--fail-under-regions",
    "--cov-fail-under",
    "--lines",
    "--branches",
    "--functions",
    "--statements",
];

/// A threshold: where it stands, what it says, and whether it is for one package alone.
struct Threshold<'d> {
    place: View<'d>,
    option: String,
    value: String,
    is_of_package: bool,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    let mut thresholds: Vec<Threshold<'_>> = commands(document).iter().flat_map(of_command).collect();
    let fail_under = document.at("tool.coverage.report.fail_under");
    let global = document.at("jest.coverageThreshold").entries().flat_map(|(_, files)| files.entries());
    let written = [("fail_under", fail_under)].into_iter().chain(global);
    for (option, place) in written {
        if let Some(value) = place.scalar_text() {
            let (option, value) = (option.to_owned(), value.to_owned());
            thresholds.push(Threshold { place, option, value, is_of_package: false });
        }
    }
    let addopts = document.at("tool.pytest.ini_options.addopts");
    for place in addopts.items().chain([addopts.clone()]) {
        let value = place.text().split_once("--cov-fail-under=").map(|(_, rest)| rest);
        if let Some(value) = value.and_then(|rest| rest.split_whitespace().next()) {
            let (option, value) = ("--cov-fail-under".to_owned(), value.to_owned());
            thresholds.push(Threshold { place, option, value, is_of_package: false });
        }
    }
    let uploads = uploads(document);
    if thresholds.is_empty() && uploads.is_empty() {
        return not_applicable("it sets no threshold of a coverage");
    }
    let mut unknown = None;
    for threshold in &thresholds {
        let Threshold { option, value, place, is_of_package } = threshold;
        let Parameters { min, per_service_min } = &input.parameters;
        let min = if *is_of_package { per_service_min.get() } else { min.get() };
        match value.split('.').next().and_then(|whole| whole.parse::<i64>().ok()) {
            // A negative one of Jest counts what is not covered.
            Some(percent) if (0..min).contains(&percent) => {
                let message = format!("`{option}` is {value} percent, expected {min} at least");
                findings.report(Code::TooLow, place, message);
            }
            Some(_) => {}
            None => unknown = Some(format!("`{option}` is `{value}`, which hangs on a variable")),
        }
    }
    if thresholds.is_empty() {
        for (place, uses) in &uploads {
            let message = "the coverage is only uploaded, and the upload may fail";
            findings.report(Code::UploadMayFail, place, message).label(uses, "it uploads here");
        }
    }
    findings.or_unknown(unknown)
}

/// All commands of a workflow, an action, a Makefile, or the scripts of a package.
fn commands<'d>(document: &View<'d>) -> Vec<Command<'d>> {
    let jobs = document.get("jobs").entries().map(|(_, job)| job);
    let steps = jobs.chain([document.get("runs")]).flat_map(|holder| holder.get("steps").items());
    let mut trees: Vec<View<'d>> = steps.map(|step| step.get("run:shell")).collect();
    trees.extend(document.get("rules").items().flat_map(|rule| rule.get("recipe[*]:shell").items()));
    let scripts = document.get("scripts");
    let names: Vec<&str> = scripts.entries().map(|(name, _)| name).collect();
    trees.extend(names.iter().map(|name| scripts.get(&[name, ":shell"].concat())));
    trees.iter().flat_map(all_commands).collect()
}

/// The thresholds that a command sets.
fn of_command<'d>(command: &Command<'d>) -> Vec<Threshold<'d>> {
    let words: Vec<_> = command.program_words().collect();
    // `--lines` and its like mean a threshold to c8 and nyc only.
    let checks = words.iter().any(|word| matches!(word.text(), "--check-coverage" | "check-coverage"));
    let is_of_package =
        words.iter().any(|word| matches!(word.text(), "-p" | "--package") || word.text().starts_with("--package="))
            && command.name() == "cargo";
    let mut thresholds = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let (option, value) = match word.text().split_once('=') {
            Some((option, value)) => (option, Some((value, word))),
            None => (word.text(), words.get(at + 1).map(|next| (next.text(), next))),
        };
        let Some((value, place)) = value.filter(|_| OPTIONS.contains(&option)) else { continue };
        if option.contains("fail-under") && !matches!(command.name(), "pylint" | "interrogate") || checks {
            let (option, value, place) = (option.to_owned(), value.to_owned(), View::clone(place));
            thresholds.push(Threshold { place, option, value, is_of_package });
        }
    }
    thresholds
}

/// Uploads to Codecov that may fail: the input, and the action.
fn uploads<'d>(document: &View<'d>) -> Vec<(View<'d>, View<'d>)> {
    let steps = document.get("jobs").entries().flat_map(|(_, job)| job.get("steps").items());
    let may_fail = steps.filter_map(|step| {
        let uses = step.get("uses");
        let is_upload = Action::parse(uses.text()).is_some_and(|action| action.is("codecov/codecov-action"));
        let input = given(&step.get("with"), "fail_ci_if_error");
        (is_upload && (input.as_bool() == Some(false) || input.text() == "false")).then_some((input, uses))
    });
    may_fail.collect()
}
