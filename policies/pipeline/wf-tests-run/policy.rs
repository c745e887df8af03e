use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{self, Triggers};
use policy_sdk::repository::pipeline::{self, OwnPipeline, Pipeline, Work, has_word};
use policy_sdk::tables::pipeline_work::Does;

policy_sdk::rule! {
    /// Tests of pull requests run
    ///
    /// Of a workflow that pull requests start, the commands that are to test do so: not `--no-run`, `-run ^$`,
    /// `--collect-only`, `-DskipTests`, `--list` and their like, where nothing else of the workflow runs the tests, and no
    /// `if: false` on the step or its job. The filters of `pull_request` let changes of the language start the
    /// workflow: `paths` does not name documents alone, and `paths-ignore` not all files of the language.
    ///
    /// `--no-run` is right in a step before the tests, and where the name of the step or its job says that it builds; so is
    /// `go test -run ^$ -bench`, a benchmark. Whether a repository has tests at all is for `wf-required-stages`.
    ///
    /// ## Why
    /// The check is green, and no test has run: a change that breaks everything is merged.
    ///
    /// ## Fix
    /// Take out the option or the filter:
    ///
    /// ```yaml
    /// on:
    ///   pull_request:
    ///     paths-ignore: [docs/**]
    /// ```
    findings: {
        /// Tests are built or listed, and do not run
        NotRun: Medium, Likely;
        /// The step or its job never runs
        Disabled: Medium, Certain;
        /// Changes of the language do not start the workflow
        Filtered: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/GitHubWorkflow"],
    uses: [OwnPipeline, Triggers],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let events = ["pull_request", "pull_request_target", "merge_group"];
    let mut triggers = events.iter().filter_map(|event| github::event(input, event)).map(|event| event.with).peekable();
    let pipeline = pipeline::own(input);
    let mut tests = pipeline.doing(&[Does::Test]).peekable();
    if triggers.peek().is_none() || tests.peek().is_none() {
        return not_applicable("no pull request starts tests with it");
    }
    let tests: Vec<&Work<'_>> = tests.collect();
    let is_off = |view: &View<'_>| {
        let condition = view.get("if");
        condition.as_bool() == Some(false) || matches!(condition.text().trim(), "false" | "${{ false }}")
    };
    let is_disabled = |work: &Work<'_>| {
        pipeline.step(work).is_some_and(|step| is_off(&step.view))
            || pipeline.job(work).is_some_and(|job| is_off(&job.view))
    };
    let runs = |work: &&Work<'_>| work.command.as_ref().is_none_or(|it| not_run(it).is_none()) && !is_disabled(work);
    let program = |work: &Work<'_>| work.command.as_ref().map(|it| it.name().to_owned());
    for test in tests.iter().filter(|work| !work.is_called) {
        let is_run_elsewhere = tests.iter().any(|other| runs(other) && program(other) == program(test));
        if is_disabled(test) && !is_run_elsewhere {
            let message = format!("`{}` never runs, since its condition is `false`", test.name());
            findings.report(Code::Disabled, &test.place, message);
        } else if let Some(word) =
            test.command.as_ref().and_then(not_run).filter(|_| !is_run_elsewhere && !is_build(&pipeline, test))
        {
            let message = format!("`{}` runs no test, because of `{word}`", test.name());
            findings.report(Code::NotRun, &test.place, message);
        }
    }
    for trigger in triggers {
        for (language, ending) in tests.iter().filter_map(|test| language(test)) {
            if let Some(pattern) = filtered(&trigger, ending) {
                let message = format!("changes of {language} files do not start the tests, since `{}`", pattern.text());
                findings.report(Code::Filtered, &pattern, message);
                break;
            }
        }
    }
    Ok(())
}

/// Whether the names of the step and its job say that tests are only to be built there.
fn is_build(pipeline: &Pipeline<'_>, test: &Work<'_>) -> bool {
    let step = pipeline.step(test).map_or("", |step| step.view.get("name").text());
    let job = pipeline.job(test).map_or(["", ""], |job| [job.id, job.view.get("name").text()]);
    let says = |name: &str| ["build", "builds", "compile", "compiles"].iter().any(|word| has_word(name, word));
    says(step) || job.into_iter().any(says)
}

/// The word by which a command for tests runs none.
fn not_run<'d>(command: &Command<'d>) -> Option<&'d str> {
    let words: Vec<&str> = command.arguments().collect();
    let find = |wanted: &[&str]| words.iter().copied().find(|word| wanted.contains(word));
    match command.name() {
        "cargo" => find(&["--no-run", "--list"]),
        "go" => {
            let value = words.iter().position(|word| matches!(*word, "-run" | "--run"));
            let value = value.and_then(|at| words.get(at + 1)).copied();
            let joined = words.iter().find_map(|word| word.strip_prefix("-run=").or(word.strip_prefix("--run=")));
            let is_none = |value: &&str| matches!(value.trim_matches(['\'', '"']), "^$" | "NONE" | "XXX" | "^none$");
            let benches = words.iter().any(|word| word.starts_with("-bench") || word.starts_with("-fuzz"));
            value.or(joined).filter(is_none).or(find(&["-list", "--list"])).filter(|_| !benches)
        }
        "pytest" | "python" | "python3" | "py.test" | "poetry" | "uv" => find(&["--collect-only", "--co"]),
        "jest" | "npx" | "vitest" => find(&["--listTests", "--list-tests"]),
        "mvn" | "mvnw" => words.iter().copied().find(|word| {
            matches!(*word, "-DskipTests" | "-DskipTests=true" | "-Dmaven.test.skip" | "-Dmaven.test.skip=true")
        }),
        "gradle" | "gradlew" => (find(&["-x"]).is_some() && words.ends_with(&["test"])).then_some("-x test"),
        "dotnet" => find(&["--list-tests"]),
        "ctest" => find(&["-N", "--show-only"]),
        _ => None,
    }
}

/// The language that a command tests, and how its files end.
fn language(test: &Work<'_>) -> Option<(&'static str, &'static [&'static str])> {
    Some(match test.command.as_ref()?.name() {
        "cargo" => ("Rust", &["rs"]),
        "go" | "gotestsum" | "ginkgo" => ("Go", &["go"]),
        "pytest" | "py.test" | "tox" | "nox" => ("Python", &["py"]),
        "jest" | "vitest" | "mocha" => ("JavaScript", &["js", "ts", "jsx", "tsx", "mjs", "vue"]),
        "mvn" | "mvnw" | "gradle" | "gradlew" => ("Java", &["java", "kt", "scala", "groovy"]),
        "dotnet" => ("C#", &["cs", "fs"]),
        "rspec" => ("Ruby", &["rb"]),
        _ => return None,
    })
}

/// The filter that keeps changes of files with one of these endings from starting the workflow.
fn filtered<'d>(trigger: &View<'d>, endings: &[&str]) -> Option<View<'d>> {
    let ending = |pattern: &str| pattern.rsplit_once('.').map(|(_, ending)| ending.to_owned());
    let is_all = |pattern: &str| matches!(pattern.rsplit_once('.').map(|(before, _)| before), Some("**" | "**/*"));
    let is_of_language = |pattern: &str| ending(pattern).is_some_and(|ending| endings.contains(&ending.as_str()));
    let ignored = trigger.get("paths-ignore");
    let mut ignored = ignored.items().chain([ignored.clone()]);
    if let Some(pattern) = ignored.find(|pattern| is_all(pattern.text()) && is_of_language(pattern.text())) {
        return Some(pattern);
    }
    let paths = trigger.get("paths");
    let mut patterns = paths.items().filter(|pattern| !pattern.text().starts_with('!')).peekable();
    let first = patterns.peek().cloned()?;
    // A workflow for one script or service has its own paths; one that only documents start tests nothing.
    let is_of_documents = |pattern: &str| {
        ["docs/", "doc/"].iter().any(|folder| pattern.starts_with(folder))
            || ending(pattern).is_some_and(|ending| matches!(ending.as_str(), "md" | "mdx" | "rst" | "adoc"))
    };
    patterns.all(|pattern| is_of_documents(pattern.text())).then_some(first)
}
