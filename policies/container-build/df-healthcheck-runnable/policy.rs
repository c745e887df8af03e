use policy_sdk::language::shell::{base_name, commands};
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Dockerfile, Stages, dockerfile};
use policy_sdk::tables::shellless_images::{ShelllessImages, has};

policy_sdk::rule! {
    /// The program of `HEALTHCHECK` is in the image
    ///
    /// The shell form needs a shell, which `scratch` and the images of the table `shelllessImages` do not have. `curl`
    /// and `wget` are not in those either, nor in the `-slim` images of Debian, Python and Node, unless a `RUN` of the
    /// stages that are shipped installs the program or a `COPY` brings it. Checked is the last `HEALTHCHECK` of these
    /// stages. Other programs and images are not checked. Kubernetes ignores the instruction.
    ///
    /// ## Why
    /// The check cannot run, so each one fails, and Docker calls a healthy container unhealthy. Compose never starts
    /// what waits for it.
    ///
    /// ## Fix
    /// Let the program check itself, in the exec form: `HEALTHCHECK CMD ["/app", "check"]`. Or install what the check
    /// runs.
    findings: {
        /// The image has no shell that could run the check
        NoShell: High, Certain;
        /// The image lacks the program of the check
        NoProgram: High, Likely;
    },
    priority: P0,
    effort: Small,
    factor: Disposability,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [ShelllessImages, Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    let shipped = file.shipped();
    let last = shipped.iter().find_map(|stage| stage.instructions().filter(|it| it.is("HEALTHCHECK")).last());
    let Some(check) = last.filter(|check| check.get("kind").text() == "CMD") else { return Ok(()) };
    let Some(resolved) = file.base().and_then(|base| base.resolved()) else {
        return not_evaluated("the base image is not known");
    };
    // `has` compares with a registry.
    let canonical = file
        .base()
        .and_then(|base| base.reference())
        .map(|image| format!("{}:{}", image.repository(), image.effective_tag().unwrap_or_default()));
    let is_bare =
        resolved == "scratch" || canonical.is_some_and(|image| has(&input.setting::<ShelllessImages>().rows, &image));
    // A shell that somebody brings along.
    if is_bare && !check.is_exec() && !brings(&file, &["sh", "bash", "busybox"]) {
        let message = format!("the shell form needs a shell, which `{resolved}` does not have");
        findings.report(Code::NoShell, &check.place(), message);
        return Ok(());
    }
    let Some(program) = commands(&check.tree()).map(|command| command.name()).next() else { return Ok(()) };
    let is_slim = file.base().and_then(|base| base.reference()).is_some_and(|image| {
        let name = base_name(&image.path);
        image.registry == "docker.io"
            && image.path.starts_with("library/")
            && matches!(name, "debian" | "python" | "node" | "ruby" | "ubuntu")
            && (name == "ubuntu" || name == "debian" || image.tag.is_some_and(|tag| tag.contains("slim")))
    });
    if matches!(program, "curl" | "wget") && (is_bare || is_slim) && !brings(&file, &[program]) {
        findings.report(
            Code::NoProgram,
            &check.place(),
            format!("`{program}` is not in `{resolved}`, and nothing installs it"),
        );
    }
    Ok(())
}

/// Whether a `RUN` or a `COPY` of the stages that are shipped names a program, or runs a script that may install it.
fn brings(file: &Dockerfile<'_>, programs: &[&str]) -> bool {
    let mut instructions = file.shipped().into_iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>());
    instructions.any(|it| match it.keyword() {
        "RUN" => it.commands().iter().any(|command| {
            command.name().ends_with(".sh")
                || command.arguments().any(|word| word.split(['=', '/', ' ']).any(|part| programs.contains(&part)))
        }),
        "COPY" | "ADD" => {
            let whole = matches!(
                it.get("destination").text(),
                "/" | "/usr" | "/usr/" | "/bin/" | "/usr/bin/" | "/usr/local/bin/"
            );
            let named = it.get("sources").items().any(|source| programs.contains(&base_name(source.text())));
            named
                || whole
                    && it.get("sources").items().any(|source| {
                        source.text().ends_with('/')
                            || source.text().ends_with('*')
                            || !base_name(source.text()).contains('.') && it.from().is_none()
                    })
        }
        _ => false,
    })
}
