use policy_sdk::language::script::{self, Argument, Command};
use policy_sdk::language::shell;
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
    /// (or yarn, pnpm, bun) either.
    ///
    /// A Dockerfile is not judged that is for development by its name or folder (`Dockerfile.dev`,
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
    since: "0.1.0",
    applies_to: ["file/Dockerfile", "file/GitHubWorkflow", "file/Buildspec"],
    reads: [
        "stages[*].name", "stages[*].final", "stages[*].feeds_final", "stages[*].args",
        "stages[*].instructions[*].flags",
        "stages[*].instructions[*].instruction", "stages[*].instructions[*].source",
        "stages[*].instructions[*].command", "stages[*].instructions[*].exec",
        "stages[*].instructions[*].heredocs[*].content",
        "env", "jobs.*.env", "jobs.*.steps[*].env", "jobs.*.steps[*].run", "jobs.*.steps[*].uses",
        "phases.*.commands",
    ],
    parameters: {
        /// The tools whose commands are judged.
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
const PUBLISHING_COMMANDS: [&str; 6] =
    ["docker push", "--push", "gh release", "aws s3 cp", "aws s3 sync", "npm publish"];

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let document = &input.document;
    let tools = &input.parameters.tools;
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
            let place = Place { code: Code::Workflow, starts: false, tools };
            judge_script(&run, run.text(), &variables, &None, place, findings);
        }
    }
    for (_, phase) in document.get("phases").entries() {
        for command in phase.get("commands").items() {
            let place = Place { code: Code::DebugBuild, starts: false, tools };
            judge_script(&command, command.text(), &[document.at("env.variables")], &None, place, findings);
        }
    }
    Ok(())
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
    /// Whether it is what the image starts with.
    starts: bool,
    /// The tools whose commands are judged.
    tools: &'t [Tool],
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
    tools: &[Tool],
    findings: &mut Findings,
) {
    let fix = fix(instruction, document);
    let starts = instruction.get("instruction").text() != "RUN";
    let place = Place { code: Code::DebugBuild, starts, tools };
    let (exec, command) = (instruction.get("exec"), instruction.get("command"));
    let words: Vec<&str> = exec.items().map(|word| word.text()).collect();
    if let Some(script) = shell::script(words.iter().copied()) {
        judge_script(&exec, script, args, &fix, place, findings);
    } else if exec.exists() {
        let known = |text: &&str| Argument { text: (*text).to_owned(), is_known: true };
        report(&exec, &[Command { words: words.iter().map(known).collect(), group: 0 }], &fix, place, findings);
    } else if command.text().starts_with("<<") {
        for heredoc in instruction.get("heredocs").items() {
            let content = heredoc.get("content");
            judge_script(&content, content.text(), args, &fix, place, findings);
        }
    } else {
        judge_script(&command, command.text(), args, &fix, place, findings);
    }
}

fn judge_script(
    at: &View<'_>,
    script: &str,
    variables: &[View<'_>],
    fix: &Option<Fix>,
    place: Place<'_>,
    findings: &mut Findings,
) {
    let value = |name: &str| {
        let written = variables.iter().map(|variables| variables.get(name)).find(|value| value.kind().is_some())?;
        written.scalar_text().filter(|text| !text.contains("${{")).map(str::to_owned)
    };
    report(at, &script::commands(script, &value).unwrap_or_default(), fix, place, findings);
}

fn report(at: &View<'_>, commands: &[Command], fix: &Option<Fix>, place: Place<'_>, findings: &mut Findings) {
    if place.starts {
        for command in commands.iter().filter(|command| is_dev_server(&command.words, place.tools)) {
            let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
            let command = words.join(" ");
            let message = format!("`{command}` starts a development server, expected what the build has made");
            findings.report(Code::DevServer, at, message).excerpt(command);
        }
    }
    let optimised = |command: &Command| is_optimised(&command.words, place.tools);
    for command in commands.iter().filter(|command| optimised(command) == Some(false)) {
        // Another branch is right, and it is not known which one is taken.
        let is_excused = |other: &Command| other.group == command.group && optimised(other) == Some(true);
        if command.group == 0 || !commands.iter().any(is_excused) {
            let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
            let command = words.join(" ");
            let message = format!("`{command}` builds for debugging, expected a build with optimisation");
            findings.report(place.code, at, message).excerpt(command).fix(fix.clone());
        }
    }
}

/// Whether a tool, called with these arguments, builds with optimisation; `None` as below.
type BuildCheck = fn(&[Argument]) -> Option<bool>;

/// The program that a command runs, without its folder, and its arguments.
fn program(words: &[Argument]) -> Option<(&str, &[Argument])> {
    let is_prefix = |word: &Argument| matches!(word.text.as_str(), "env" | "exec" | "sudo") || word.text.contains('=');
    let start = words.iter().position(|word| !is_prefix(word))?;
    let program = words[start].text.as_str();
    Some((program.rsplit_once('/').map_or(program, |(_, name)| name), &words[start + 1..]))
}

/// `npm run dev`, `yarn dev`.
fn is_dev_server(words: &[Argument], tools: &[Tool]) -> bool {
    let Some(("npm" | "yarn" | "pnpm" | "bun", arguments)) = program(words) else { return false };
    let is_script =
        |word: &&Argument| !word.text.starts_with('-') && !matches!(word.text.as_str(), "run" | "run-script");
    tools.contains(&Tool::Npm) && arguments.iter().find(is_script).is_some_and(|word| word.text == "dev")
}

/// Whether a command builds with optimisation; `None` when it builds nothing, or that cannot be told.
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
