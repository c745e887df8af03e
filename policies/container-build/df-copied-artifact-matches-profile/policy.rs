use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Instruction, Stage, Stages, dockerfile};

policy_sdk::rule! {
    /// The image takes the program that was built
    ///
    /// A `COPY --from` of `target/PROFILE/…`, with or without a target between, names a profile that a `cargo build` of
    /// that stage builds: `debug` by itself, `release` with `--release`, the name of `--profile`. Where a build's
    /// profile is in a variable, or Cargo is called by a script, it is not evaluated. What `df-release-build` reports,
    /// a debug build that is shipped, is not reported again.
    ///
    /// ## Why
    /// The path does not exist, and the build of the image fails; or it holds what another layer left there.
    ///
    /// ## Fix
    /// Copy from `target/release` what `cargo build --release` made.
    findings: {
        /// The path is one of a profile that is not built
        OtherProfile: Medium, Certain;
    },
    priority: P0,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    let mut unknown = None;
    for copy in file.stages.iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>()) {
        let Some(stage) = copy.from().and_then(|from| file.stage(from)) else { continue };
        for source in copy.get("sources").items() {
            let Some(profile) = profile_of(source.text()) else { continue };
            let chain = file.chain(stage);
            match built(&chain) {
                Err(reason) => unknown = Some(reason),
                Ok(built) if built.is_empty() || built.iter().any(|(name, _)| *name == profile) => {}
                Ok(built) => {
                    let (name, command) = &built[0];
                    let message =
                        format!("`{}` is taken, but `{}` builds `target/{name}`", source.text(), command.line());
                    let path = source.text().replacen(&format!("/{profile}/"), &format!("/{name}/"), 1);
                    let instruction = copy.get("source");
                    let fixed = instruction.text().replacen(source.text(), &path, 1);
                    let fix = (built.len() == 1)
                        .then(|| Fix::unsafe_(format!("take it from `target/{name}`")).set(&instruction, fixed));
                    findings.report(Code::OtherProfile, &source, message).label(command, "built here").fix(fix);
                }
            }
        }
    }
    findings.or_unknown(unknown)
}

/// The profile of `/src/target/release/app` and `target/x86_64-unknown-linux-musl/release/app`.
fn profile_of(path: &str) -> Option<&str> {
    let (_, behind) = path.split_once("target/").filter(|(before, _)| before.is_empty() || before.ends_with('/'))?;
    let mut parts = behind.split('/');
    let first = parts.next()?;
    // A triple has three or four parts: `x86_64-unknown-linux-musl`.
    let profile = if first.matches('-').count() >= 2 { parts.next()? } else { first };
    let is_plain = !profile.is_empty() && !profile.contains(['$', '*', '?', '{']) && !first.contains('$');
    (is_plain && parts.next().is_some()).then_some(profile)
}

/// The profiles that a stage builds, with the commands, or what makes that unknown.
fn built<'d>(chain: &[Stage<'d>]) -> Result<Vec<(&'d str, Command<'d>)>, &'static str> {
    let mut built = Vec::new();
    let runs = chain.iter().flat_map(|stage| stage.instructions().filter(|it| it.is("RUN")).collect::<Vec<_>>());
    for run in runs {
        if moves(&run) {
            return Err("something is moved below `target`");
        }
        for command in run.commands() {
            let name = command.name();
            if name.ends_with(".sh") || matches!(name, "make" | "just" | "cross" | "trunk") {
                return Err("what a script builds is not known");
            }
            let verb = command.arguments().find(|it| !it.starts_with(['-', '+'])).unwrap_or_default();
            if name != "cargo" || !matches!(verb, "build" | "b" | "rustc" | "zigbuild" | "auditable") {
                continue;
            }
            let words: Vec<_> = command.program_words().collect();
            if words.iter().any(|word| word.known().is_none() && word.text().starts_with('$')) {
                return Err("the options of `cargo build` are in a variable");
            }
            let texts: Vec<&str> = words.iter().map(|word| word.text()).collect();
            let at = texts.iter().position(|text| *text == "--profile");
            let profile = at.and_then(|at| texts.get(at + 1).copied());
            let profile = profile.or_else(|| texts.iter().find_map(|text| text.strip_prefix("--profile=")));
            let profile = match profile {
                Some("dev" | "test") => "debug",
                Some("release" | "bench") => "release",
                Some(other) if other.contains('$') => return Err("the profile of `cargo build` is in a variable"),
                Some(other) => other,
                None if texts.contains(&"--release") || texts.contains(&"-r") => "release",
                None => "debug",
            };
            built.push((profile, command.clone()));
        }
    }
    Ok(built)
}

/// Whether a step puts something below `target` itself.
fn moves(run: &Instruction<'_>) -> bool {
    run.commands().iter().any(|command| {
        matches!(command.name(), "cp" | "mv" | "install" | "ln" | "mkdir")
            && command.arguments().last().is_some_and(|to| to.contains("target"))
    })
}
