use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stages, dockerfile};

policy_sdk::rule! {
    /// Images from `scratch` have certificates, where they need them
    ///
    /// An image from `scratch` that starts something, which a stage of the file built with Go or Rust, copies
    /// certificates (a path with `cert` or `ssl`). Whether the program calls HTTPS, or holds its roots, cannot be seen,
    /// so this is a remark.
    ///
    /// ## Why
    /// Without roots each HTTPS connection fails with `certificate signed by unknown authority`.
    ///
    /// ## Fix
    /// ```dockerfile
    /// COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
    /// ```
    ///
    /// Or take `gcr.io/distroless/static`, which has them.
    findings: {
        /// There are no certificates
        NoCertificates: Info, Guess;
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
    let Some(base) = file.base().filter(|base| base.resolved() == Some("scratch") && file.starts()) else {
        return not_applicable("the image is not built from `scratch`, or starts nothing");
    };
    let shipped = file.shipped();
    let copies: Vec<_> = shipped
        .iter()
        .flat_map(|stage| stage.instructions().filter(|it| matches!(it.keyword(), "COPY" | "ADD")).collect::<Vec<_>>())
        .collect();
    let is_root = |text: &str| ["cert", "ssl", "/etc"].iter().any(|part| text.contains(part));
    let has_roots = copies
        .iter()
        .any(|copy| is_root(copy.get("source").text()) || copy.get("sources").items().any(|it| it.text() == "/"));
    let is_built = copies.iter().filter_map(|copy| file.stage(copy.from()?)).any(|stage| {
        let mut runs = file
            .chain(stage)
            .into_iter()
            .flat_map(|stage| stage.instructions().collect::<Vec<_>>())
            .filter(|it| it.is("RUN"));
        runs.any(|run| {
            run.commands()
                .iter()
                .any(|command| matches!(command.name(), "go" | "cargo") && command.has(&["build", "install"]))
        })
    });
    if is_built && !has_roots {
        findings.report(
            Code::NoCertificates,
            &base.image(),
            "the image has no certificates: if the program calls HTTPS, it needs them",
        );
    }
    Ok(())
}
