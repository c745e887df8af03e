use policy_sdk::language::shell::{Command, commands};
use policy_sdk::language::unread;
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Instruction, Stages, dockerfile};

policy_sdk::rule! {
    /// Steps of a build cannot fail unseen
    ///
    /// What builds, installs, downloads or tests in a `RUN` (the programs in `guarded_tools`) is not followed by `||
    /// true`, `|| :`, `|| exit 0`, `; true` or `; exit 0`; is the last of commands that `;` or line breaks separate,
    /// unless `set -e` or the `SHELL` has errors end the script; and is not on the left of a pipe without `pipefail`
    /// whose right side is content with nothing. Programs that fail on nothing (`tar`, `gpg`, `grep`, `jq`,
    /// `sha256sum`) are right there.
    ///
    /// Cleaning up, looking around and best effort may fail. A here-document is run without `-e` too. Conditions of
    /// `if` and `while`, and what is in `$(…)`, are not checked, nor are images of Windows.
    ///
    /// ## Why
    /// The build is green and the image lacks what failed. It is found out when the program is started.
    ///
    /// ## Fix
    /// Join commands by `&&`, or let the script end at the first error:
    ///
    /// ```dockerfile
    /// SHELL ["/bin/bash", "-o", "pipefail", "-ec"]
    /// RUN <<EOF
    /// set -e
    /// make
    /// make install
    /// EOF
    /// ```
    ///
    /// Alpine has `SHELL ["/bin/ash", "-eo", "pipefail", "-c"]`.
    findings: {
        /// A failure is turned into a success
        Masked: Medium, Likely;
        /// A script goes on after a failure
        GoesOn: Low, Certain;
        /// A failure is lost on the left of a pipe
        Pipe: Medium, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    peers: ["HL:DL4006"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
    parameters: {
        /// Programs that must not fail unseen.
        guarded_tools: Vec<String> = list([
            "cargo", "go", "npm", "yarn", "pnpm", "pip", "pip3", "poetry", "uv", "apt-get", "apt", "apk", "yum", "dnf",
            "microdnf", "curl", "wget", "make", "cmake", "ninja", "mvn", "gradle", "bundle", "gem", "composer", "dotnet",
        ]),
    },
}

/// Programs that fail when nothing comes through the pipe, or whose own failure is all there is to it.
const FAIL_ON_NOTHING: [&str; 19] = [
    "tar",
    "gunzip",
    "zcat",
    "unzip",
    "funzip",
    "bsdtar",
    "xz",
    "unxz",
    "gpg",
    "apt-key",
    "sha256sum",
    "sha512sum",
    "grep",
    "egrep",
    "jq",
    "cpio",
    "bunzip2",
    "zstd",
    "git",
];

/// How errors are handled in a script.
#[derive(Clone, Copy)]
struct Errors {
    ends: bool,
    pipes: bool,
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    if file.is_windows() {
        return not_applicable("the image is one of Windows");
    }
    let mut unknown = None;
    for stage in &file.stages {
        // The shell of a stage below holds on.
        let mut below = file.chain(stage);
        below.reverse();
        let mut errors = Errors { ends: false, pipes: false };
        for stage_below in &below {
            for instruction in stage_below.instructions() {
                if instruction.is("SHELL") {
                    errors = of_shell(&instruction);
                } else if instruction.is("RUN") && stage_below.pointer() == stage.pointer() && !instruction.is_exec() {
                    judge_list(&instruction.tree(), errors, &input.parameters.guarded_tools, findings);
                    unknown = unknown.or(unread(&instruction.tree()));
                }
            }
        }
    }
    findings.or_unknown(unknown.map(|reason| format!("a script is not read to its end: {reason}")))
}

/// What `SHELL ["/bin/bash", "-eo", "pipefail", "-c"]` makes of errors.
fn of_shell(instruction: &Instruction<'_>) -> Errors {
    let words: Vec<&str> = instruction.get("exec").items().map(|word| word.text()).collect();
    let is_flag = |word: &&str| word.starts_with('-') && !word.starts_with("--");
    Errors {
        ends: words.contains(&"errexit") || words.iter().filter(|word| is_flag(word)).any(|word| word.contains('e')),
        pipes: words.contains(&"pipefail"),
    }
}

fn judge_list(tree: &View<'_>, errors: Errors, guarded: &[String], findings: &mut Findings) {
    let list: Vec<Command<'_>> = commands(tree).collect();
    let has = |command: &Command<'_>, option: &str| command.get("options").items().any(|it| it.text() == option);
    // Where the and-or list begins that a command is in.
    let mut start = 0;
    for (at, command) in list.iter().enumerate() {
        if command.joined().is_empty() {
            start = at;
        }
        let ends_well = is_success(command);
        if command.joined() == "||" && ends_well {
            if let Some(failed) = list[start..at].iter().rfind(|it| is_guarded(it, guarded)) {
                let message = format!("`{}` may fail unseen, since `|| {}` follows", failed.line(), command.line());
                findings.report(Code::Masked, failed, message);
            }
        } else if command.joined().is_empty() && ends_well && at > 0 && at + 1 == list.len() && !errors.ends {
            let failed = list[..at].iter().rfind(|it| is_guarded(it, guarded) && !has(it, "errexit"));
            if let Some(failed) = failed {
                let message = format!("`{}` may fail unseen, since `{}` follows", failed.line(), command.line());
                findings.report(Code::Masked, failed, message);
                return;
            }
        }
        let next = list.get(at + 1);
        let is_piped = next.is_some_and(|next| matches!(next.joined(), "|" | "|&"));
        if is_piped && is_guarded(command, guarded) && !errors.pipes && !has(command, "pipefail") {
            let mut rest = list[at + 1..].iter().take_while(|it| matches!(it.joined(), "|" | "|&"));
            if !rest.any(|it| FAIL_ON_NOTHING.contains(&it.name()) || !it.kind().is_empty()) {
                let message =
                    format!("a failure of `{}` is lost in the pipe, since `pipefail` is not set", command.line());
                findings.report(Code::Pipe, command, message);
            }
        }
    }
    // The last and-or list decides; what is guarded before it must not be lost.
    let before = &list[..start];
    let lost = before.iter().enumerate().find(|(at, it)| {
        let next = before.get(at + 1).map_or("", |next| next.joined());
        is_guarded(it, guarded)
            && !errors.ends
            && !has(it, "errexit")
            && !it.get("background").is_true()
            && next != "||"
            && next != "|"
            && it.joined() != "||"
    });
    if let Some((_, lost)) = lost {
        let message = format!("the script goes on when `{}` fails, since `;` or a line break follows", lost.line());
        findings.report(Code::GoesOn, lost, message);
    }
}

fn is_success(command: &Command<'_>) -> bool {
    let words: Vec<&str> = command.words().map(|word| word.text()).collect();
    matches!(words[..], ["true"] | [":"] | ["exit", "0"] | ["/bin/true"])
}

/// Whether a command builds, installs, downloads or tests.
fn is_guarded(command: &Command<'_>, guarded: &[String]) -> bool {
    let name = command.name();
    let verb = command.arguments().find(|it| !it.starts_with('-')).unwrap_or_default();
    let is_work = match name {
        "apt-get" | "apt" => matches!(verb, "update" | "install"),
        "apk" => matches!(verb, "add" | "update"),
        "yum" | "dnf" | "microdnf" => matches!(verb, "install"),
        "npm" | "yarn" | "pnpm" => !matches!(verb, "config" | "cache" | "set" | "prune" | "audit" | "fund"),
        "go" => matches!(verb, "build" | "install" | "mod" | "test" | "generate" | "get"),
        "cargo" => !matches!(verb, "clean" | "version"),
        "pip" | "pip3" | "uv" | "poetry" | "bundle" | "gem" | "composer" => {
            !matches!(verb, "cache" | "uninstall" | "config" | "list" | "show")
        }
        "make" => !matches!(verb, "clean" | "distclean"),
        _ => true,
    };
    is_work && !command.has(&["--version", "--help", "-V"]) && guarded.iter().any(|tool| tool == name)
}
