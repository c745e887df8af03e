//! See the `rule!` block.

use policy_sdk::github::Action;
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::script::{self, Argument, Step};
use policy_sdk::shell;

policy_sdk::rule! {
    /// What is shipped is built with optimisation
    ///
    /// Commands that build for debugging fail: `cargo build` without `--release` or a `--profile`
    /// (and `cargo install --debug`), `go build` with `-N` or `-l` in `-gcflags`, `dotnet build` or
    /// `publish` for `Debug`, Gradle's `assembleDebug`, and `npm run dev` (or yarn, pnpm, bun).
    ///
    /// They are looked for in the `RUN` instructions of Dockerfile stages that feed the final image, in
    /// its `CMD` and `ENTRYPOINT`, in all phases of a buildspec, and in workflow jobs that
    /// publish: those with a step that pushes an image or uploads a release. Elsewhere in a workflow,
    /// as in its tests, a debug build is right.
    ///
    /// Shell conditions are decided by the defaults of `ARG` and `ENV` (in workflows and buildspecs: by
    /// the variables that are written). Where a condition is not known, a debug build counts unless
    /// another branch builds with optimisation. A command whose flags are in an unknown variable is
    /// taken to be right.
    ///
    /// ## Why
    /// A debug build is many times slower and larger, and it carries symbols and assertions that tell
    /// an attacker how it works.
    ///
    /// ## Fix
    /// Build with `cargo build --release` (or the like), make that the default where an `ARG` decides, and
    /// copy the artifact from `target/release`.
    severity: Critical,
    priority: P0,
    effort: Small,
    factor: "V Build/Release/Run",
    since: "0.1.0",
    applies_to: ["file/Dockerfile", "file/GitHubWorkflow", "file/Buildspec"],
    reads: [
        "stages[*].final", "stages[*].feeds_final", "stages[*].args",
        "stages[*].instructions[*].instruction", "stages[*].instructions[*].source",
        "stages[*].instructions[*].command", "stages[*].instructions[*].exec",
        "stages[*].instructions[*].heredocs[*].content",
        "env", "jobs.*.env", "jobs.*.steps[*].env", "jobs.*.steps[*].run", "jobs.*.steps[*].uses",
        "phases.*.commands",
    ],
    parameters: {
        /// The tools whose commands are judged.
        tools: Vec<String> = list(["cargo", "go", "npm", "dotnet", "gradle"]),
    },
}

const PUBLISHING_ACTIONS: [&str; 6] = [
    "docker/build-push-action",
    "softprops/action-gh-release",
    "ncipollo/release-action",
    "svenstaro/upload-release-action",
    "actions/upload-release-asset",
    "actions/upload-pages-artifact",
];
const PUBLISHING_COMMANDS: [&str; 6] =
    ["docker push", "--push", "gh release", "aws s3 cp", "aws s3 sync", "npm publish"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    let tools = &input.parameters.tools;
    for stage in document.get("stages").items().filter(|stage| stage.get("feeds_final").is_true()) {
        let args = [stage.get("args")];
        for instruction in stage.get("instructions").items() {
            let is_judged = match instruction.get("instruction").text() {
                "RUN" => true,
                "CMD" | "ENTRYPOINT" => stage.get("final").is_true(),
                _ => false,
            };
            if is_judged {
                judge_instruction(&instruction, &args, document, tools, findings);
            }
        }
    }
    for (_, job) in document.get("jobs").entries().filter(|(_, job)| job.get("steps").items().any(|step| publishes(&step))) {
        for step in job.get("steps").items() {
            let variables = [step.get("env"), job.get("env"), document.get("env")];
            let run = step.get("run");
            judge_script(&run, run.text(), &variables, None, tools, findings);
        }
    }
    for (_, phase) in document.get("phases").entries() {
        for command in phase.get("commands").items() {
            judge_script(&command, command.text(), &[document.at("env.variables")], None, tools, findings);
        }
    }
    Ok(())
}

fn publishes(step: &View<'_>) -> bool {
    let action = Action::parse(step.get("uses").text());
    action.is_some_and(|action| PUBLISHING_ACTIONS.iter().any(|publishing| action.is(publishing)))
        || PUBLISHING_COMMANDS.iter().any(|command| step.get("run").text().contains(command))
}

fn judge_instruction(
    instruction: &View<'_>,
    args: &[View<'_>],
    document: &View<'_>,
    tools: &[String],
    findings: &mut Findings,
) {
    let fix = fix(instruction, document);
    let (exec, command) = (instruction.get("exec"), instruction.get("command"));
    let words: Vec<&str> = exec.items().filter_map(|word| word.as_str()).collect();
    if let Some(script) = shell::script(words.iter().copied()) {
        judge_script(&exec, script, args, fix, tools, findings);
    } else if exec.exists() {
        let known = |text: &&str| Argument { text: (*text).to_owned(), is_known: true };
        report(&exec, &[Step::Command(words.iter().map(known).collect())], fix, tools, findings);
    } else if command.text().starts_with("<<") {
        for content in instruction.get("heredocs").items().map(|heredoc| heredoc.get("content")) {
            judge_script(&content, content.text(), args, fix.clone(), tools, findings);
        }
    } else {
        judge_script(&command, command.text(), args, fix, tools, findings);
    }
}

fn judge_script(
    at: &View<'_>,
    script: &str,
    variables: &[View<'_>],
    fix: Option<Fix>,
    tools: &[String],
    findings: &mut Findings,
) {
    let value = |name: &str| {
        let written = variables.iter().map(|variables| variables.get(name)).find(|value| value.kind().is_some())?;
        written.scalar_text().filter(|text| !text.contains("${{")).map(str::to_owned)
    };
    report(at, &script::steps(script, &value).unwrap_or_default(), fix, tools, findings);
}

fn report(at: &View<'_>, steps: &[Step], fix: Option<Fix>, tools: &[String], findings: &mut Findings) {
    for command in builds(steps, tools).debug {
        findings.report(at, format!("`{command}` builds for debugging, expected a build with optimisation")).fix(fix.clone());
    }
}

/// What a script builds.
#[derive(Default)]
struct Builds {
    debug: Vec<String>,
    optimised: bool,
}

fn builds(steps: &[Step], tools: &[String]) -> Builds {
    let mut all = Builds::default();
    for step in steps {
        match step {
            Step::Command(words) => match is_optimised(words, tools) {
                Some(true) => all.optimised = true,
                Some(false) => all.debug.push(words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")),
                None => {}
            },
            Step::Branches(branches) => {
                let mut either = Builds::default();
                for branch in branches {
                    let branch = builds(branch, tools);
                    either.debug.extend(branch.debug);
                    either.optimised |= branch.optimised;
                }
                all.optimised |= either.optimised;
                if !either.optimised {
                    all.debug.extend(either.debug);
                }
            }
        }
    }
    all
}

/// Whether a command builds with optimisation; `None` when it builds nothing, or that cannot be told.
fn is_optimised(words: &[Argument], tools: &[String]) -> Option<bool> {
    let is_prefix = |word: &Argument| matches!(word.text.as_str(), "env" | "exec" | "sudo") || word.text.contains('=');
    let mut words = words.iter().skip_while(|word| is_prefix(word));
    let program = words.next()?.text.rsplit('/').next()?;
    let arguments: Vec<&Argument> = words.collect();
    let (tool, judge): (&str, fn(&[&Argument]) -> Option<bool>) = match program {
        "cargo" | "cross" => ("cargo", cargo),
        "go" => ("go", go),
        "npm" | "yarn" | "pnpm" | "bun" => ("npm", npm),
        "dotnet" => ("dotnet", dotnet),
        "gradle" | "gradlew" => ("gradle", gradle),
        _ => return None,
    };
    if tools.iter().any(|known| known == tool) { judge(&arguments) } else { None }
}

fn cargo(arguments: &[&Argument]) -> Option<bool> {
    const TAKE_A_VALUE: [&str; 16] = [
        "-j", "--jobs", "-p", "--package", "--bin", "--example", "-F", "--features", "--target", "--target-dir",
        "--manifest-path", "--message-format", "--config", "-Z", "--exclude", "--root",
    ];
    let mut words = arguments.iter();
    let subcommand = words.find(|word| !word.text.starts_with(['-', '+']) && word.text != "auditable")?.text.as_str();
    if !matches!(subcommand, "build" | "b" | "rustc" | "zigbuild" | "install") {
        return None;
    }
    let is_install = subcommand == "install";
    let mut is_certain = true;
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        let profile = if text == "--profile" { words.next().map(|value| (value.text.as_str(), value.is_known)) } else { None };
        match profile.or(text.strip_prefix("--profile=").map(|profile| (profile, word.is_known))) {
            Some((profile, is_known)) => return is_known.then_some(!matches!(profile, "dev" | "test" | "debug")),
            None if matches!(text, "--release" | "-r") => return Some(true),
            None if is_install && text == "--debug" => return Some(false),
            None if TAKE_A_VALUE.contains(&text) => drop(words.next()),
            // It may hold flags.
            None => is_certain &= word.is_known || !text.starts_with(['$', '`']),
        }
    }
    if is_install { Some(true) } else { is_certain.then_some(false) }
}

fn go(arguments: &[&Argument]) -> Option<bool> {
    if !matches!(arguments.first()?.text.as_str(), "build" | "install") {
        return None;
    }
    let flags = arguments.iter().enumerate().find_map(|(at, word)| {
        let value = word.text.trim_start_matches('-').strip_prefix("gcflags")?;
        value.strip_prefix('=').or_else(|| arguments.get(at + 1).map(|next| next.text.as_str()))
    });
    // A flag may have a pattern of packages in front: `all=-N`.
    let unpatterned = |flag: &str| matches!(flag.rsplit_once("=-").map_or(flag, |(_, letters)| letters), "-N" | "-l" | "N" | "l");
    Some(!flags.unwrap_or_default().split(' ').any(unpatterned))
}

fn npm(arguments: &[&Argument]) -> Option<bool> {
    let mut words = arguments.iter().map(|word| word.text.as_str()).filter(|word| !word.starts_with('-'));
    match words.find(|word| !matches!(*word, "run" | "run-script"))? {
        "dev" => Some(false),
        "build" => Some(true),
        _ => None,
    }
}

fn dotnet(arguments: &[&Argument]) -> Option<bool> {
    if !matches!(arguments.first()?.text.as_str(), "build" | "publish" | "pack" | "msbuild") {
        return None;
    }
    let configuration = arguments.iter().enumerate().find_map(|(at, word)| {
        if matches!(word.text.as_str(), "-c" | "--configuration") {
            return arguments.get(at + 1).map(|next| next.text.as_str());
        }
        let (option, value) = word.text.split_once([':', '='])?;
        let property = || value.split_once('=').filter(|(name, _)| *name == "Configuration").map(|(_, value)| value);
        if matches!(option, "-c" | "--configuration") { Some(value) } else { property() }
    });
    Some(!configuration?.eq_ignore_ascii_case("debug"))
}

fn gradle(arguments: &[&Argument]) -> Option<bool> {
    let mut tasks = arguments.iter().filter_map(|word| word.text.rsplit(':').next());
    let builds = tasks.find(|task| ["assemble", "bundle", "install"].iter().any(|verb| task.starts_with(verb)))?;
    Some(!builds.ends_with("Debug"))
}

/// Adds `--release` to an instruction that never has it, and takes the artifact from where it is then.
fn fix(instruction: &View<'_>, document: &View<'_>) -> Option<Fix> {
    let source = instruction.get("source");
    if !source.text().contains("cargo build") || source.text().contains("--release") || source.text().contains("--profile") {
        return None;
    }
    let moved = |text: &str| text.replace("target/debug", "target/release");
    let mut fix = Fix::unsafe_("build with `--release` and take the artifact from target/release")
        .set(&source, moved(&source.text().replace("cargo build", "cargo build --release")));
    for stage in document.get("stages").items() {
        for other in stage.get("instructions").items().map(|other| other.get("source")) {
            if other.text().contains("target/debug") && other.pointer() != source.pointer() {
                fix = fix.set(&other, moved(other.text()));
            }
        }
    }
    Some(fix)
}
