use policy_sdk::language::execution::{Argument, Execution, executions};
use policy_sdk::language::shell::{Command, all_commands};
use policy_sdk::language::unread;
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::Action;

policy_sdk::rule! {
    /// What is shipped is built with optimisation
    ///
    /// Commands that build for debugging fail: `cargo build` without `--release` or a `--profile`
    /// (and `cargo install --debug`), `go build` with `-N` or `-l` in `-gcflags`, `dotnet build` or
    /// `publish` for `Debug`, and Gradle's `assembleDebug`. They are looked for in the `RUN` instructions of
    /// Dockerfile stages that feed the final image, in its `CMD` and `ENTRYPOINT`, in all phases of a buildspec,
    /// and in workflow jobs that publish: those with a step that pushes an image or uploads a release. Elsewhere
    /// in a workflow, as in its tests, a debug build is right. The final image does not start with `npm run dev`
    /// (or yarn, pnpm, bun) either, nor is it built with that.
    ///
    /// Commands are looked for wherever a shell runs them: in here-documents that a shell reads, in `sh -c`, behind
    /// `sudo`, `timeout` and the like. A script that is not read to its end, and has no finding, is not evaluated.
    ///
    /// A Dockerfile is not checked that is for development by its name or folder (`Dockerfile.dev`,
    /// `.devcontainer/`, `e2e/`), or by the name of its final stage.
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
    findings: {
        /// What is shipped is built for debugging
        DebugBuild: Medium, Likely;
        /// What is shipped starts a development server
        DevServer: Medium, Likely;
        /// A workflow that publishes builds for debugging: it may be for its tests
        Workflow: Low, Guess;
    },
    priority: P0,
    effort: Small,
    factor: BuildReleaseRun,
    renamed_from: ["wf-pr-fast-release-full"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile", "file/GitHubWorkflow", "file/Buildspec"],
    reads: [
        "stages[*].name", "stages[*].final", "stages[*].feeds_final", "stages[*].args",
        "stages[*].instructions[*].flags",
        "stages[*].instructions[*].instruction", "stages[*].instructions[*].source",
        "stages[*].instructions[*].command:shell", "stages[*].instructions[*].exec:shell",
        "env", "jobs.*.env", "jobs.*.steps[*].env", "jobs.*.steps[*].run:shell", "jobs.*.steps[*].uses",
        "phases.*.commands[*]:shell",
    ],
    parameters: {
        /// The tools whose commands are checked.
        tools: Vec<Tool> = vec![Tool::Cargo, Tool::Go, Tool::Npm, Tool::Dotnet, Tool::Gradle],
        /// Names of files, folders and final stages that are for development.
        dev_names: Vec<String> = list(["dev", "debug", "test", "e2e", "ci", "devcontainer"]),
    },
}

policy_sdk::choice! {
    /// What builds.
    pub Tool { Cargo = "cargo", Go = "go", Npm = "npm", Dotnet = "dotnet", Gradle = "gradle" }
}

const PUBLISHING_ACTIONS: [&str; 6] = [
    "docker/build-push-action",
    "softprops/action-gh-release",
    "ncipollo/release-action",
    "svenstaro/upload-release-action",
    "actions/upload-release-asset",
    "actions/upload-pages-artifact",
];
fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    let tools = &input.parameters.tools;
    let mut skipped = None;
    if let Some(name) = development(input) {
        return not_applicable(format!("`{name}` says that it is for development"));
    }
    for stage in document.get("stages").items().filter(|stage| stage.get("feeds_final").is_true()) {
        let args = [stage.get("args")];
        for instruction in stage.get("instructions").items() {
            let is_judged = match instruction.get("instruction").text() {
                "RUN" => true,
                "CMD" | "ENTRYPOINT" => stage.get("final").is_true(),
                _ => false,
            };
            if is_judged {
                skipped = skipped.or(judge_instruction(&instruction, &args, document, tools, findings));
            }
        }
    }
    for (_, job) in
        document.get("jobs").entries().filter(|(_, job)| job.get("steps").items().any(|step| publishes(&step)))
    {
        for step in job.get("steps").items() {
            let variables = [step.get("env"), job.get("env"), document.get("env")];
            let place = Place { code: Code::Workflow, serves: None, tools };
            skipped = skipped.or(judge_script(&step.get("run:shell"), &variables, &None, place, findings));
        }
    }
    for (_, phase) in document.get("phases").entries() {
        for script in phase.get("commands[*]:shell").items() {
            let place = Place { code: Code::DebugBuild, serves: None, tools };
            skipped = skipped.or(judge_script(&script, &[document.at("env.variables")], &None, place, findings));
        }
    }
    match skipped.filter(|_| findings.is_empty()) {
        Some(reason) => not_evaluated(format!("a script is not read to its end: {reason}")),
        None => Ok(()),
    }
}

/// The name that says that a Dockerfile is for development.
fn development<'d>(input: &Input<'d, Parameters>) -> Option<&'d str> {
    let stages = input.document.get("stages");
    let last = stages.items().find(|stage| stage.get("final").is_true())?;
    let path = input.subject.name.as_str();
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    let folders = folders.split('/').map(|folder| folder.trim_start_matches('.'));
    let parts = file.split(['.', '-', '_']);
    let mut names = folders.chain(parts).chain([last.get("name").text()]);
    names.find(|name| input.parameters.dev_names.iter().any(|dev| dev == name))
}

/// Where commands stand.
#[derive(Clone, Copy)]
struct Place<'t> {
    /// What a build for debugging is there.
    code: Code,
    /// What a development server is there.
    serves: Option<Code>,
    /// The tools whose commands are checked.
    tools: &'t [Tool],
}

fn publishes(step: &View<'_>) -> bool {
    let action = Action::parse(step.get("uses").text());
    action.is_some_and(|action| PUBLISHING_ACTIONS.iter().any(|publishing| action.is(publishing)))
        || all_commands(&step.get("run:shell")).iter().any(is_publishing)
}

/// `docker push`, `gh release create`, `aws s3 cp`, `npm publish`, and whatever has `--push`.
fn is_publishing(command: &Command<'_>) -> bool {
    let is_there = |text: &str| command.program_words().any(|word| word.text() == text);
    match (command.name(), command.subcommand()) {
        ("docker" | "podman" | "nerdctl" | "buildah", "push") | ("npm" | "pnpm" | "yarn" | "cargo", "publish") => true,
        ("gh", "release") => is_there("create") || is_there("upload"),
        ("aws", "s3") => is_there("cp") || is_there("sync"),
        _ => is_there("--push"),
    }
}

/// Checks an instruction; why its script was not read to the end.
fn judge_instruction<'d>(
    instruction: &View<'d>,
    args: &[View<'d>],
    document: &View<'d>,
    tools: &[Tool],
    findings: &mut Findings,
) -> Option<&'d str> {
    let fix = fix(instruction, document);
    let serves = if instruction.get("instruction").text() == "RUN" { Code::DebugBuild } else { Code::DevServer };
    let place = Place { code: Code::DebugBuild, serves: Some(serves), tools };
    let skipped = judge_script(&instruction.get("exec:shell"), args, &fix, place, findings);
    skipped.or(judge_script(&instruction.get("command:shell"), args, &fix, place, findings))
}

/// Checks a script; why it was not read to the end.
fn judge_script<'d>(
    script: &View<'d>,
    variables: &[View<'d>],
    fix: &Option<Fix>,
    place: Place<'_>,
    findings: &mut Findings,
) -> Option<&'d str> {
    let value = |name: &str| {
        let written = variables.iter().map(|variables| variables.get(name)).find(|value| value.kind().is_some())?;
        written.scalar_text().filter(|text| !text.contains("${{")).map(str::to_owned)
    };
    report(&executions(script, &value), fix, place, findings);
    unread(script)
}

fn report(commands: &[Execution<'_>], fix: &Option<Fix>, place: Place<'_>, findings: &mut Findings) {
    if let Some(code) = place.serves {
        for command in commands.iter().filter(|command| is_dev_server(&command.words, place.tools)) {
            let message = match code {
                Code::DevServer => "starts a development server, expected what the build has made",
                _ => "is for development, expected a build for production",
            };
            findings.report(code, &command.command, format!("`{}` {message}", text(command)));
        }
    }
    let optimised = |command: &Execution<'_>| is_optimised(&command.words, place.tools);
    for command in commands.iter().filter(|command| optimised(command) == Some(false)) {
        // Another branch is right, and it is not known which one is taken.
        let is_excused = |other: &Execution<'_>| other.group == command.group && optimised(other) == Some(true);
        if command.group == 0 || !commands.iter().any(is_excused) {
            let message = format!("`{}` builds for debugging, expected a build with optimisation", text(command));
            findings.report(place.code, &command.command, message).fix(fix.clone());
        }
    }
}

/// A command for a message.
fn text(command: &Execution<'_>) -> String {
    let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
    words.join(" ")
}

/// Whether a tool, called with these arguments, builds with optimisation; `None` as below.
type BuildCheck = fn(&[Argument]) -> Option<bool>;

/// The program that a command runs, without its folder, and its arguments.
fn program(words: &[Argument]) -> Option<(&str, &[Argument])> {
    let (program, arguments) = words.split_first()?;
    let program = program.text.as_str();
    Some((program.rsplit_once('/').map_or(program, |(_, name)| name), arguments))
}

/// The arguments from the first one on that is no option and no value of one.
fn operands<'w>(mut arguments: &'w [Argument], valued: &[&str]) -> &'w [Argument] {
    while let [option, rest @ ..] = arguments
        && option.text.starts_with(['-', '+'])
    {
        arguments = if valued.contains(&option.text.as_str()) { rest.get(1..).unwrap_or_default() } else { rest };
    }
    arguments
}

/// `npm run dev`, `yarn dev`.
fn is_dev_server(words: &[Argument], tools: &[Tool]) -> bool {
    const VALUED: [&str; 9] = ["--prefix", "-C", "--cwd", "--dir", "-w", "--workspace", "--filter", "-F", "--loglevel"];
    let Some(("npm" | "yarn" | "pnpm" | "bun", arguments)) = program(words) else { return false };
    let mut script = operands(arguments, &VALUED);
    if let [run, rest @ ..] = script
        && matches!(run.text.as_str(), "run" | "run-script")
    {
        script = operands(rest, &VALUED);
    }
    tools.contains(&Tool::Npm) && script.first().is_some_and(|word| word.text == "dev")
}

/// Whether a command builds with optimisation; `None` when it builds nothing, or that cannot be known.
fn is_optimised(words: &[Argument], tools: &[Tool]) -> Option<bool> {
    let (program, arguments) = program(words)?;
    let (tool, judge): (&str, BuildCheck) = match program {
        "cargo" | "cross" => ("cargo", cargo),
        "go" => ("go", go),
        "dotnet" => ("dotnet", dotnet),
        "gradle" | "gradlew" => ("gradle", gradle),
        _ => return None,
    };
    if tools.iter().any(|known| known.as_ref() == tool) { judge(arguments) } else { None }
}

fn cargo(arguments: &[Argument]) -> Option<bool> {
    const TAKE_A_VALUE: [&str; 18] = [
        "-C",
        "--color",
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
    let mut words = operands(arguments, &TAKE_A_VALUE);
    if let [wrapper, rest @ ..] = words
        && wrapper.text == "auditable"
    {
        words = operands(rest, &TAKE_A_VALUE);
    }
    let mut words = words.iter();
    let subcommand = words.next()?.text.as_str();
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
    let arguments = operands(arguments, &["-C"]);
    if !matches!(arguments.first()?.text.as_str(), "build" | "install") {
        return None;
    }
    // `-gcflags=all=-N`, or the flags in the next word; `-l=4` optimises more, not less.
    let at = arguments.iter().position(|word| word.text.trim_start_matches('-').starts_with("gcflags"));
    let flags = at.map_or(&[][..], |at| &arguments[at..arguments.len().min(at + 2)]);
    let is_off = |word: &Argument| word.text.split(' ').any(|flag| flag.ends_with("-N") || flag.ends_with("-l"));
    Some(!flags.iter().any(is_off))
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
    let stages = document.get("stages");
    let of = stages.items().position(|stage| instruction.pointer().starts_with(&format!("{}/", stage.pointer())));
    let names: Vec<String> = of
        .map(|index| [index.to_string(), stages.item(index).get("name").text().to_owned()].into())
        .unwrap_or_default();
    for (index, stage) in stages.items().enumerate() {
        // Only what is taken from this stage has moved.
        let takes = |other: &View<'_>| {
            Some(index) == of
                || other.get("flags").get("from").items().any(|from| names.iter().any(|name| name == from.text()))
        };
        for other in stage.get("instructions").items().filter(takes).map(|other| other.get("source")) {
            if other.text().contains("target/debug") && other.pointer() != source.pointer() {
                fix = fix.set(&other, moved(other.text()));
            }
        }
    }
    Some(fix)
}
