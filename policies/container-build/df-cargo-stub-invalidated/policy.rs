use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Instruction, Stages, dockerfile};

policy_sdk::rule! {
    /// A stub of a Rust program is built anew
    ///
    /// Where a `RUN` writes a stand-in for `main.rs` or `lib.rs` (by `echo`, `printf`, `cat`, `touch` or `cargo init`)
    /// and builds it, so that dependencies are in a layer of their own, and a later `COPY` brings the sources,
    /// something makes Cargo build them before the next `cargo build`: `touch` of the sources, removal of what the stub
    /// made below `target`, or `cargo clean --release -p` of the package. `cargo-chef` and `-Zchecksum-freshness` are
    /// right.
    ///
    /// Removing `src` alone is not enough, nor is `cargo clean -p` without `--release`, which cleans the debug build.
    ///
    /// ## Why
    /// Cargo compares times: what `COPY` brings is as old as the checkout, and the stub was built after that. The build
    /// takes the stub for up to date, and the next rollout ships a program that does nothing.
    ///
    /// ## Fix
    /// ```dockerfile
    /// COPY src ./src
    /// RUN touch src/main.rs && cargo build --release
    /// ```
    ///
    /// Or let `cargo chef prepare` and `cargo chef cook` build the dependencies.
    findings: {
        /// The build may take the stub for the program
        Stub: Critical, Likely;
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
    for stage in &file.stages {
        let mut below = file.chain(stage);
        below.reverse();
        let instructions: Vec<Instruction<'_>> =
            below.iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>()).collect();
        let mut stub: Option<&Instruction<'_>> = None;
        let (mut is_built, mut has_sources) = (false, false);
        for instruction in &instructions {
            if matches!(instruction.keyword(), "COPY" | "ADD") && instruction.from().is_none() {
                has_sources |=
                    is_built && instruction.get("sources").items().any(|source| brings_sources(source.text()));
                continue;
            }
            if !instruction.is("RUN") {
                continue;
            }
            let text = instruction.get("source").text();
            for command in instruction.commands() {
                if writes_stub(&command) {
                    stub = Some(instruction);
                    (is_built, has_sources) = (false, false);
                } else if is_fresh(&command) {
                    // Cargo builds what is there now.
                    (stub, is_built, has_sources) = (None, false, false);
                } else if is_build(&command) && !text.contains("checksum-freshness") {
                    let is_own = instruction.pointer().starts_with(&format!("{}/", stage.pointer()));
                    if let Some(stub) = stub.filter(|_| has_sources && is_own) {
                        let message =
                            format!("`{}` may take the stub for the program, whose sources are older", command.line());
                        findings.report(Code::Stub, &command, message).label(&stub.place(), "the stub is built here");
                        return Ok(());
                    }
                    is_built |= stub.is_some();
                }
            }
        }
    }
    Ok(())
}

/// `echo 'fn main() {}' > src/main.rs`, `touch src/lib.rs`, `cargo init`.
fn writes_stub(command: &Command<'_>) -> bool {
    let is_source = |path: &str| path.ends_with("main.rs") || path.ends_with("lib.rs");
    let writes = command.get("redirects").items().any(|redirect| {
        redirect.get("operator").text().starts_with('>') && is_source(redirect.get("target").get("text").text())
    });
    match command.name() {
        "tee" => command.arguments().any(is_source),
        "cargo" => {
            matches!(command.arguments().find(|it| !it.starts_with('-') && !it.starts_with('+')), Some("init" | "new"))
        }
        _ => writes,
    }
}

fn is_build(command: &Command<'_>) -> bool {
    let verb = command.arguments().find(|it| !it.starts_with('-') && !it.starts_with('+'));
    command.name() == "cargo" && matches!(verb, Some("build" | "b" | "rustc" | "install" | "zigbuild"))
}

/// The whole context, or what has the sources in it.
fn brings_sources(path: &str) -> bool {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    matches!(path, "" | "." | "*") || path.ends_with("src") || path.ends_with(".rs") || !path.contains(['.', '*'])
}

/// Whether a command makes Cargo build the sources again.
fn is_fresh(command: &Command<'_>) -> bool {
    let has = |part: &str| command.words().any(|word| word.text().contains(part));
    match command.name() {
        "touch" => true,
        "find" => has("touch") || has("target") && has("delete"),
        "rm" => has("target") || has("fingerprint") || has("deps/"),
        "cargo" if has("clean") => command.has(&["--release", "-r", "--profile"]) || !command.has(&["-p", "--package"]),
        "cargo" => has("chef"),
        _ => false,
    }
}
