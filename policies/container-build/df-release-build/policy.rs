use policy_sdk::github::Action;
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::script::{self, Argument, Command};
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
    for (_, job) in
        document.get("jobs").entries().filter(|(_, job)| job.get("steps").items().any(|step| publishes(&step)))
    {
        for step in job.get("steps").items() {
            let variables = [step.get("env"), job.get("env"), document.get("env")];
            let run = step.get("run");
            judge_script(&run, run.text(), &variables, &None, tools, findings);
        }
    }
    for (_, phase) in document.get("phases").entries() {
        for command in phase.get("commands").items() {
            judge_script(&command, command.text(), &[document.at("env.variables")], &None, tools, findings);
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
    let words: Vec<&str> = exec.items().map(|word| word.text()).collect();
    if let Some(script) = shell::script(words.iter().copied()) {
        judge_script(&exec, script, args, &fix, tools, findings);
    } else if exec.exists() {
        let known = |text: &&str| Argument { text: (*text).to_owned(), is_known: true };
        report(&exec, &[Command { words: words.iter().map(known).collect(), group: 0 }], &fix, tools, findings);
    } else if command.text().starts_with("<<") {
        for heredoc in instruction.get("heredocs").items() {
            let content = heredoc.get("content");
            judge_script(&content, content.text(), args, &fix, tools, findings);
        }
    } else {
        judge_script(&command, command.text(), args, &fix, tools, findings);
    }
}

fn judge_script(
    at: &View<'_>,
    script: &str,
    variables: &[View<'_>],
    fix: &Option<Fix>,
    tools: &[String],
    findings: &mut Findings,
) {
    let value = |name: &str| {
        let written = variables.iter().map(|variables| variables.get(name)).find(|value| value.kind().is_some())?;
        written.scalar_text().filter(|text| !text.contains("${{")).map(str::to_owned)
    };
    report(at, &script::commands(script, &value).unwrap_or_default(), fix, tools, findings);
}

fn report(at: &View<'_>, commands: &[Command], fix: &Option<Fix>, tools: &[String], findings: &mut Findings) {
    let optimised = |command: &Command| is_optimised(&command.words, tools);
    for command in commands.iter().filter(|command| optimised(command) == Some(false)) {
        // Another branch is right, and it is not known which one is taken.
        let is_excused = |other: &Command| other.group == command.group && optimised(other) == Some(true);
        if command.group == 0 || !commands.iter().any(is_excused) {
            let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
            let command = words.join(" ");
            let message = format!("`{command}` builds for debugging, expected a build with optimisation");
            findings.report(at, message).excerpt(command).fix(fix.clone());
        }
    }
}

/// Whether a tool, called with these arguments, builds with optimisation; `None` as below.
type BuildCheck = fn(&[Argument]) -> Option<bool>;

/// Whether a command builds with optimisation; `None` when it builds nothing, or that cannot be told.
fn is_optimised(words: &[Argument], tools: &[String]) -> Option<bool> {
    let is_prefix = |word: &Argument| matches!(word.text.as_str(), "env" | "exec" | "sudo") || word.text.contains('=');
    let start = words.iter().position(|word| !is_prefix(word))?;
    let arguments = &words[start + 1..];
    let program = words[start].text.as_str();
    let (tool, judge): (&str, BuildCheck) = match program.rsplit_once('/').map_or(program, |(_, name)| name) {
        "cargo" | "cross" => ("cargo", cargo),
        "go" => ("go", go),
        "npm" | "yarn" | "pnpm" | "bun" => ("npm", npm),
        "dotnet" => ("dotnet", dotnet),
        "gradle" | "gradlew" => ("gradle", gradle),
        _ => return None,
    };
    if tools.iter().any(|known| known == tool) { judge(arguments) } else { None }
}

fn cargo(arguments: &[Argument]) -> Option<bool> {
    const TAKE_A_VALUE: [&str; 16] = [
        "-j",
        "--jobs",
        "-p",
        "--package",
        "--bin",
        "--example",
        "-F",
        "--features",
        "--target",
        "--target-dir",
        "--manifest-path",
        "--message-format",
        "--config",
        "-Z",
        "--exclude",
        "--root",
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
        let profile =
            if text == "--profile" { words.next().map(|value| (value.text.as_str(), value.is_known)) } else { None };
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

fn go(arguments: &[Argument]) -> Option<bool> {
    if !matches!(arguments.first()?.text.as_str(), "build" | "install") {
        return None;
    }
    // `-gcflags=all=-N`, or the flags in the next word; `-l=4` optimises more, not less.
    let at = arguments.iter().position(|word| word.text.trim_start_matches('-').starts_with("gcflags"));
    let flags = at.map_or(&[][..], |at| &arguments[at..arguments.len().min(at + 2)]);
    let is_off = |word: &Argument| word.text.split(' ').any(|flag| flag.ends_with("-N") || flag.ends_with("-l"));
    Some(!flags.iter().any(is_off))
}

fn npm(arguments: &[Argument]) -> Option<bool> {
    let is_script =
        |word: &&Argument| !word.text.starts_with('-') && !matches!(word.text.as_str(), "run" | "run-script");
    match arguments.iter().find(is_script)?.text.as_str() {
        "dev" => Some(false),
        "build" => Some(true),
        _ => None,
    }
}

fn dotnet(arguments: &[Argument]) -> Option<bool> {
    if !matches!(arguments.first()?.text.as_str(), "build" | "publish" | "pack" | "msbuild") {
        return None;
    }
    // `-c Debug`, `-c:Debug`, `-p:Configuration=Debug`.
    let mut option = "";
    for word in arguments {
        let (name, value) = word.text.rsplit_once([':', '=']).unwrap_or((option, &word.text));
        if matches!(name, "-c" | "--configuration") || name.ends_with(":Configuration") {
            return Some(!value.eq_ignore_ascii_case("debug"));
        }
        option = &word.text;
    }
    None
}

fn gradle(arguments: &[Argument]) -> Option<bool> {
    let is_build = |word: &&Argument| ["assemble", "bundle", "install"].iter().any(|verb| word.text.contains(verb));
    Some(!arguments.iter().find(is_build)?.text.ends_with("Debug"))
}

/// Adds `--release` to an instruction that never has it, and takes the artifact from where it is then.
fn fix(instruction: &View<'_>, document: &View<'_>) -> Option<Fix> {
    let source = instruction.get("source");
    if !source.text().contains("cargo build")
        || source.text().contains("--release")
        || source.text().contains("--profile")
    {
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
