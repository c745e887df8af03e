use policy_sdk::language::shell::base_name;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Dockerfile, Instruction, Stages, dockerfile, expanded};
use policy_sdk::tables::shellless_images::{ShelllessImages, has};

policy_sdk::rule! {
    /// What the image starts is in it
    ///
    /// On a base that holds nothing of the kind, `scratch` or an image of the table `shelllessImages`, the program in
    /// the exec form of `ENTRYPOINT`, or of `CMD` where there is none, is a path that some `COPY` or `ADD` brings. A
    /// shell is not in these images.
    ///
    /// It is reported only where everything is known: the path is absolute or below a known `WORKDIR`, the image has no
    /// `RUN`, and no directory, wildcard or archive is copied that could hold it. All other images are not checked.
    ///
    /// ## Why
    /// The container cannot start: `exec: "/app": stat /app: no such file or directory`.
    ///
    /// ## Fix
    /// Copy the program to the path that is started:
    ///
    /// ```dockerfile
    /// COPY --from=build /out/app /app
    /// ENTRYPOINT ["/app"]
    /// ```
    findings: {
        /// Nothing brings the program that is started
        Missing: High, Likely;
        /// The image has no shell that could be started
        NoShell: High, Likely;
    },
    priority: P0,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [ShelllessImages, Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    let (entrypoint, command) = file.entry();
    let Some(start) = entrypoint.or(command) else {
        return not_applicable("the file does not say what the image starts");
    };
    let Some(base) = file.base() else { return not_applicable("there is no final stage") };
    let Some(resolved) = base.resolved() else { return not_evaluated("the base image is not known") };
    let canonical =
        base.reference().map(|image| format!("{}:{}", image.repository(), image.effective_tag().unwrap_or_default()));
    let is_bare = canonical.is_some_and(|image| has(&input.setting::<ShelllessImages>().rows, &image));
    let is_empty = resolved == "scratch" || resolved.starts_with("gcr.io/distroless/static");
    if !is_bare && !is_empty {
        return not_applicable("the base image may hold the program");
    }
    let stages = file.shipped();
    let instructions = || stages.iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>());
    if instructions().any(|it| it.is("RUN"))
        || instructions().any(|it| matches!(it.keyword(), "COPY" | "ADD") && may_hold(&it))
    {
        return Ok(());
    }
    let is_brought = |name: &str| {
        instructions().filter(|it| matches!(it.keyword(), "COPY" | "ADD")).any(|it| {
            let to = it.get("destination").text();
            base_name(to) == name || it.get("sources").items().any(|source| base_name(source.text()) == name)
        })
    };
    let first = start.get("exec").item(0);
    if !start.is_exec() || matches!(base_name(first.text()), "sh" | "bash" | "ash") {
        if !is_brought("sh") && !is_brought("bash") && !is_brought("busybox") && !is_brought("ash") {
            let message = format!("a shell is started, which `{resolved}` does not have");
            findings.report(Code::NoShell, &start.place(), message);
        }
        return Ok(());
    }
    // Below a folder of its own a distroless image of a language holds much.
    let program = first.text();
    if !is_empty || program.contains('$') || !program.contains('/') {
        return Ok(());
    }
    let Some(path) = absolute(&file, program) else { return Ok(()) };
    if !is_at(&file, &path) {
        let message = format!("`{program}` is started, and nothing brings it to `{path}`");
        findings.report(Code::Missing, &first, message);
    }
    Ok(())
}

/// Whether a directory, a wildcard, an archive or a variable is copied, which may hold anything.
fn may_hold(copy: &Instruction<'_>) -> bool {
    let is_unknown = |path: &str| path.contains(['*', '?', '$', '[']);
    is_unknown(copy.get("destination").text())
        || copy.get("heredocs").exists()
        || copy.get("sources").items().any(|source| {
            let text = source.text();
            let name = base_name(text);
            is_unknown(text)
                || matches!(text, "." | "/")
                || text.ends_with('/')
                || copy.is("ADD") && name.contains(".t")
        })
}

/// A path from the last `WORKDIR` of the stages that are shipped; `None` where that is not known.
fn absolute(file: &Dockerfile<'_>, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return Some(normal(path));
    }
    Some(normal(&format!("{}/{path}", workdir(file, None)?)))
}

/// The working directory at an instruction, or at the end.
fn workdir(file: &Dockerfile<'_>, until: Option<&str>) -> Option<String> {
    let mut at = String::from("/");
    let mut stages = file.shipped();
    stages.reverse();
    for stage in &stages {
        for instruction in stage.instructions() {
            if until.is_some_and(|until| instruction.pointer() == until) {
                return Some(at);
            }
            if instruction.is("WORKDIR") {
                let path = expanded(stage, instruction.get("command").text())?;
                at = if path.starts_with('/') { path } else { format!("{at}/{path}") };
            }
        }
    }
    Some(at)
}

fn normal(path: &str) -> String {
    ["/", &policy_sdk::repository::files::joined("", path)].concat()
}

/// Whether a file, or a directory that may hold it, is copied to a path. What has a name without an ending may be a
/// directory, so that all below its destination counts.
fn is_at(file: &Dockerfile<'_>, path: &str) -> bool {
    let mut instructions = file.shipped().into_iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>());
    instructions.any(|it| {
        if !matches!(it.keyword(), "COPY" | "ADD") {
            return false;
        }
        let to = it.get("destination").text();
        let Some(folder) = workdir(file, Some(&it.pointer())) else { return true };
        let whole = if to.starts_with('/') { normal(to) } else { normal(&format!("{folder}/{to}")) };
        let is_file_there =
            it.get("sources").items().any(|source| normal(&format!("{whole}/{}", base_name(source.text()))) == path);
        // A source may be a directory, whose content lands below the destination.
        whole == path
            || is_file_there
            || policy_sdk::repository::files::is_below(path, whole.trim_end_matches('/')) && whole != "/"
    })
}
