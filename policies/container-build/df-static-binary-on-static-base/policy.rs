use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Dockerfile, Instruction, Stage, Stages, built_name, dockerfile};

policy_sdk::rule! {
    /// What runs on a static base is static
    ///
    /// What an image from `scratch` or `distroless/static` copies from a stage of the file that builds with Go or Rust
    /// needs no C library. `go build` has `CGO_ENABLED=0` in the command, an `ENV` or an `ARG`, or `-extldflags
    /// -static`, or its stage is one without a C compiler (`golang:…-alpine`), or it builds for another architecture.
    /// `cargo build` is for a `musl` target, has `crt-static`, or runs on `rust:…-alpine`.
    ///
    /// What comes from the context or another image, and stages of other images, are not checked.
    ///
    /// ## Why
    /// The base has no loader and no C library: the program does not start, and the message is the misleading `no such
    /// file or directory`.
    ///
    /// ## Fix
    /// Build with `CGO_ENABLED=0 go build`, or `cargo build --release --target x86_64-unknown-linux-musl`; or take
    /// `gcr.io/distroless/base` or `cc`, which have the C library.
    findings: {
        /// A Go program may need the C library
        Go: High, Likely;
        /// A Rust program needs the C library
        Rust: High, Likely;
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
    let Some(base) = file.base() else { return not_applicable("there is no final stage") };
    let Some(resolved) = base.resolved() else { return not_evaluated("the base image is not known") };
    if resolved != "scratch" && !resolved.starts_with("gcr.io/distroless/static") {
        return not_applicable("the base image is not one for static programs");
    }
    let mut taken: Vec<String> = Vec::new();
    for copy in file.shipped().iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>()) {
        let Some(stage) = copy.from().and_then(|from| file.stage(from)) else { continue };
        let pointer = stage.pointer();
        if !taken.contains(&pointer) {
            taken.push(pointer);
            judge_stage(&file, stage, &copy, findings);
        }
    }
    Ok(())
}

fn judge_stage(file: &Dockerfile<'_>, stage: &Stage<'_>, copy: &Instruction<'_>, findings: &mut Findings) {
    let chain = file.chain(stage);
    let Some(image) = chain.last().and_then(|stage| stage.reference()) else { return };
    let tag = image.tag.unwrap_or_default();
    // Alpine's Go has no C compiler beside it, and its Rust is for musl.
    let is_alpine = tag.contains("alpine");
    let all: Vec<Instruction<'_>> = chain.iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>()).collect();
    let says = |part: &str| all.iter().any(|it| it.get("source").text().contains(part));
    let sources: Vec<&str> = copy.get("sources").items().map(|source| source.text()).collect();
    let copies = |name: &str| sources.iter().any(|source| source.contains(name));
    for run in all.iter().filter(|it| it.is("RUN")) {
        for command in run.commands() {
            let verb = command.arguments().find(|it| !it.starts_with(['-', '+'])).unwrap_or_default();
            let is_official = image.registry == "docker.io" && image.path.starts_with("library/");
            match (command.name(), verb) {
                ("go", "build") if is_official && image.path == "library/golang" && !is_alpine => {
                    let is_static =
                        ["CGO_ENABLED", "GOARCH", "-static", "netgo", "TARGETARCH"].iter().any(|it| says(it));
                    if !is_static && built_name(&command).is_none_or(&copies) {
                        let message = format!(
                            "`{}` may link the C library, which the base image does not have: `CGO_ENABLED=0` is missing",
                            command.line()
                        );
                        findings.report(Code::Go, &command, message).label(&copy.place(), "copied here");
                        return;
                    }
                }
                ("cargo", "build" | "install")
                    if is_official
                        && image.path == "library/rust"
                        && !is_alpine
                        && !["musl", "crt-static", "wasm", "--target"].iter().any(|it| says(it))
                        && copies("target/") =>
                {
                    let message =
                        format!("`{}` links the C library, which the base image does not have", command.line());
                    findings.report(Code::Rust, &command, message).label(&copy.place(), "copied here");
                    return;
                }
                _ => {}
            }
        }
    }
}
