use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Instruction, Stages, dockerfile};

policy_sdk::rule! {
    /// Dependencies have a layer of their own
    ///
    /// In a stage, the whole context is not copied before the first command that downloads dependencies by a lock file:
    /// `go mod download`, `npm ci`, `yarn` and `pnpm install`, `pip install -r`, `bundle install`, `dotnet restore`. A
    /// cache mount of that `RUN` does as well.
    ///
    /// ## Why
    /// Each change of any file downloads all dependencies again. The build is slow, and fails when the registry does.
    ///
    /// ## Fix
    /// ```dockerfile
    /// COPY go.mod go.sum ./
    /// RUN go mod download
    /// COPY . .
    /// ```
    findings: {
        /// Dependencies are downloaded after all of the sources were copied
        SourcesFirst: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    for stage in &dockerfile(input).stages {
        let mut copied: Option<Instruction<'_>> = None;
        for instruction in stage.instructions() {
            let is_copy = matches!(instruction.keyword(), "COPY" | "ADD") && instruction.from().is_none();
            let mut sources = instruction.get("sources").items();
            if is_copy && copied.is_none() && sources.any(|source| matches!(source.text(), "." | "./" | "/")) {
                copied = Some(instruction);
                continue;
            }
            let commands = if instruction.is("RUN") { instruction.commands() } else { Vec::new() };
            let Some(download) = commands.iter().find(|command| downloads(command)) else { continue };
            let is_mounted = !instruction.mounts("cache").is_empty() || !instruction.mounts("bind").is_empty();
            if let Some(copied) = copied.filter(|_| !is_mounted) {
                let message = format!("`{}` runs again after each change of any file", download.line());
                findings
                    .report(Code::SourcesFirst, download, message)
                    .label(&copied.get("source"), "all of the sources are copied here");
            }
            // What comes later is not the first.
            break;
        }
    }
    Ok(())
}

/// Whether a command downloads dependencies by a lock file.
fn downloads(command: &Command<'_>) -> bool {
    let words: Vec<&str> = command.arguments().filter(|it| !it.starts_with('-')).collect();
    match (command.name(), &words[..]) {
        ("go", ["mod", "download", ..]) | ("npm", ["ci", ..]) | ("dotnet", ["restore", ..]) => true,
        ("npm", ["install" | "i"]) | ("pnpm", ["install" | "i"]) | ("yarn", [] | ["install"]) => {
            !command.has(&["-g", "--version"])
        }
        ("bundle" | "poetry" | "composer", ["install", ..]) => true,
        ("pip" | "pip3", ["install", ..]) => command.has(&["-r", "--requirement"]),
        _ => false,
    }
}
