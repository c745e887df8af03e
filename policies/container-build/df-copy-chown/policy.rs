use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stages, dockerfile};
use policy_sdk::repository::files::is_below;

policy_sdk::rule! {
    /// What an image runs is not writable for all
    ///
    /// No `chmod` of the stages that are shipped makes the program of `ENTRYPOINT` or `CMD`, or a directory that it is
    /// in, writable for everybody (`777`, `o+w`, `a+w`); directories of data, caches and logs may be. Group 0, which
    /// OpenShift gives each container, may write (`g=u`). No `chown -R` changes files that an earlier `COPY` brought:
    /// `--chown` does that without a second copy of them.
    ///
    /// ## Why
    /// Whoever gets into the container replaces the program, and the next start runs theirs. A `chown -R` in a `RUN`
    /// doubles the files in the image.
    ///
    /// ## Fix
    /// ```dockerfile
    /// COPY --chown=10001:10001 --from=build /out/data /data
    /// COPY --from=build /out/app /app
    /// ```
    findings: {
        /// Everybody can write what the image runs
        Writable: Medium, Certain;
        /// Files that were copied are copied once more to change their owner
        Chown: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Security,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    let (entrypoint, command) = file.entry();
    let started: Vec<&str> = [entrypoint, command]
        .into_iter()
        .flatten()
        .flat_map(|it| it.get("exec").items().map(|word| word.text()).collect::<Vec<_>>())
        .filter(|word| word.starts_with('/'))
        .collect();
    let mut stages = file.shipped();
    stages.reverse();
    let mut copied: Vec<&str> = Vec::new();
    for instruction in stages.iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>()) {
        if matches!(instruction.keyword(), "COPY" | "ADD") && instruction.flags("chown").is_empty() {
            copied.push(instruction.get("destination").text());
        }
        let commands = if instruction.is("RUN") { instruction.commands() } else { Vec::new() };
        for command in &commands {
            let mut operands = command.arguments().filter(|it| !it.starts_with('-'));
            let Some(mode) = operands.next() else { continue };
            let paths: Vec<&str> =
                operands.map(|path| path.trim_end_matches('/')).filter(|path| path.starts_with('/')).collect();
            if command.name() == "chmod" && opens(mode) {
                let is_in = |path: &&&str| started.iter().any(|program| is_below(program, path) && !path.is_empty());
                if let Some(path) = paths.iter().find(is_in) {
                    let message = format!("`{}` lets everybody write `{path}`, which the image runs", command.line());
                    findings.report(Code::Writable, command, message);
                }
            } else if command.name() == "chown" && is_recursive(command) {
                // What the step made itself, or mounted, was not copied.
                let is_made = |path: &str| {
                    commands.iter().any(|other| {
                        other.name() == "mkdir" && other.arguments().any(|it| it.trim_end_matches('/') == path)
                    })
                };
                let found = paths
                    .iter()
                    .find(|path| !is_made(path) && copied.iter().any(|to| is_below(to.trim_end_matches('/'), path)));
                if let Some(path) = found {
                    let message = format!(
                        "`{}` copies what was copied to `{path}` once more, expected `COPY --chown`",
                        command.line()
                    );
                    findings.report(Code::Chown, command, message);
                }
            }
        }
    }
    Ok(())
}

fn is_recursive(command: &Command<'_>) -> bool {
    command
        .arguments()
        .any(|it| it == "--recursive" || it.starts_with('-') && !it.starts_with("--") && it.contains('R'))
}

/// Whether a mode lets everybody write: `777`, `0666`, `o+w`, `a+rwx`, `+w`.
fn opens(mode: &str) -> bool {
    if mode.bytes().all(|byte| byte.is_ascii_digit()) {
        return mode.len() >= 3 && mode.ends_with(['2', '3', '6', '7']);
    }
    mode.split(',').any(|part| {
        let Some((who, what)) = part.split_once(['+', '=']) else { return false };
        (who.contains(['o', 'a'])) && what.contains('w')
    })
}
