use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Instruction, Stages, built_name, dockerfile};

policy_sdk::rule! {
    /// Go programs are shipped without debug information
    ///
    /// A `go build` in a stage that the final one copies from, whose output is copied, has `-s` in its `-ldflags`,
    /// which includes `-w`, or the stage calls `strip` or `upx` later. Flags in a variable, scripts and make are not
    /// known, and not checked. A Cargo profile is what `df-cargo-profile-optimised` checks.
    ///
    /// This is a preference: panics have their stack traces without, and profilers have less to show.
    ///
    /// ## Why
    /// Symbols and debug information are a third of a program, which each node pulls.
    ///
    /// ## Fix
    /// `go build -ldflags="-s -w" -o /out/app ./cmd/app`
    findings: {
        /// A program has its debug information
        Go: Low, Certain;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    if let Some(name) = file.development() {
        return not_applicable(format!("`{name}` says that it is for development"));
    }
    let shipped = file.shipped();
    let copies: Vec<Instruction<'_>> =
        shipped.iter().flat_map(|stage| stage.instructions().filter(|it| it.is("COPY")).collect::<Vec<_>>()).collect();
    for stage in file.stages.iter().filter(|stage| !stage.is_final()) {
        let mut taken = Vec::new();
        for copy in &copies {
            if copy.from().and_then(|from| file.stage(from)).is_some_and(|from| from.pointer() == stage.pointer()) {
                taken.extend(copy.get("sources").items().map(|source| source.text()));
            }
        }
        let commands: Vec<Command<'_>> =
            stage.instructions().filter(|it| it.is("RUN")).flat_map(|run| run.commands()).collect();
        let is_stripped = commands.iter().any(|command| matches!(command.name(), "strip" | "upx"));
        let has_flags = stage.get("args").get("GOFLAGS").exists();
        let found = commands.iter().find(|command| {
            let name = built_name(command);
            command.name() == "go"
                && command.arguments().next() == Some("build")
                && !strips(command)
                && name.is_some_and(|name| taken.iter().any(|source| source.ends_with(name)))
        });
        if let Some(build) = found.filter(|_| !is_stripped && !has_flags) {
            let message = format!("`{}` keeps the debug information, expected `-ldflags=\"-s -w\"`", build.line());
            findings.report(Code::Go, build, message);
        }
    }
    Ok(())
}

/// Whether a build has `-s` in its flags for the linker, or flags that are not known.
fn strips(command: &Command<'_>) -> bool {
    let words: Vec<&str> = command.arguments().collect();
    let is_unknown = words.iter().any(|word| word.starts_with('$'));
    let flags = words.iter().enumerate().find_map(|(at, word)| match word.trim_start_matches('-') {
        "ldflags" => words.get(at + 1).copied(),
        other => other.strip_prefix("ldflags="),
    });
    is_unknown
        || flags.is_some_and(|flags| flags.split([' ', '"', '\'']).any(|flag| flag == "-s" || flag.starts_with('$')))
}
