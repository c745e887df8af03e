use policy_sdk::language::shell::Command;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Dockerfile, Instruction, Stage, Stages, dockerfile};

policy_sdk::rule! {
    /// Programs run with the C library that they were built with
    ///
    /// What a compiler of C or Rust made in one stage (`cargo build`, `gcc`, `make`, `go build` with `CGO_ENABLED=1`),
    /// and is copied to the final stage, finds the same C library there: Alpine's musl or glibc, and no older release
    /// of Debian. Programs that are static (`musl` target, `-static`, `crt-static`, `CGO_ENABLED=0`) run anywhere.
    /// Bases that are not known are not checked; for `scratch` and `distroless/static` there is
    /// `df-static-binary-on-static-base`.
    ///
    /// ## Why
    /// The program does not start: `not found`, though it is there, or `version 'GLIBC_2.38' not found`.
    ///
    /// ## Fix
    /// Build and run on images of one distribution and release: `rust:1.90-bookworm` and `debian:bookworm-slim`.
    findings: {
        /// One of the stages has musl, the other glibc
        Family: High, Likely;
        /// The image has an older glibc than the stage that builds
        Older: High, Likely;
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

/// A C library: of Alpine, or of a release of Debian, if that is written.
#[derive(Clone, Copy, PartialEq)]
enum Library {
    Musl,
    Glibc(Option<u8>),
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    let Some(base) = file.base() else { return not_applicable("there is no final stage") };
    let Some(there) = library(&base) else { return not_applicable("the C library of the base image is not known") };
    for copy in file.shipped().iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>()) {
        let Some(stage) = copy.from().and_then(|from| file.stage(from)) else { continue };
        let Some(here) = file.chain(stage).last().and_then(library) else { continue };
        let Some(build) = compiled(&file, stage, &copy) else { continue };
        let (code, message) = match (here, there) {
            (Library::Glibc(Some(newer)), Library::Glibc(Some(older))) if newer > older => {
                (Code::Older, format!("`{}` builds on Debian {newer}, and the image is Debian {older}", build.line()))
            }
            (Library::Musl, Library::Glibc(_)) => {
                (Code::Family, format!("`{}` builds for musl, and the image has glibc", build.line()))
            }
            (Library::Glibc(_), Library::Musl) => {
                (Code::Family, format!("`{}` builds for glibc, and the image has musl", build.line()))
            }
            _ => continue,
        };
        findings
            .report(code, &build, message)
            .label(&copy.get("source"), "copied here")
            .label(&base.image(), "the image");
        return Ok(());
    }
    Ok(())
}

/// The C library of a stage's image.
fn library(stage: &Stage<'_>) -> Option<Library> {
    const RELEASES: [(&str, u8); 6] =
        [("stretch", 9), ("buster", 10), ("bullseye", 11), ("bookworm", 12), ("trixie", 13), ("forky", 14)];
    let image = stage.reference()?;
    let tag = image.tag.unwrap_or_default();
    let is_official = image.registry == "docker.io" && image.path.starts_with("library/");
    if is_official && (image.path == "library/alpine" || tag.contains("alpine")) {
        return Some(Library::Musl);
    }
    let debian = RELEASES.iter().find(|(name, _)| tag.split('-').any(|part| part == *name)).map(|(_, number)| *number);
    match &*image.path {
        "library/debian" if is_official => {
            Some(Library::Glibc(debian.or_else(|| tag.split(['.', '-']).next()?.parse().ok())))
        }
        "library/rust"
        | "library/golang"
        | "library/gcc"
        | "library/buildpack-deps"
        | "library/python"
        | "library/node"
            if is_official =>
        {
            Some(Library::Glibc(debian))
        }
        path if image.registry == "gcr.io"
            && (path.starts_with("distroless/cc") || path.starts_with("distroless/base")) =>
        {
            Some(Library::Glibc(path.split_once("-debian").and_then(|(_, number)| number.parse().ok())))
        }
        _ => None,
    }
}

/// The command of a stage that made what is copied, if that needs a C library.
fn compiled<'d>(file: &Dockerfile<'d>, stage: &Stage<'d>, copy: &Instruction<'d>) -> Option<Command<'d>> {
    let all: Vec<Instruction<'d>> =
        file.chain(stage).into_iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>()).collect();
    let says = |part: &str| all.iter().any(|it| it.get("source").text().contains(part));
    let is_static =
        ["-static", "musl", "crt-static", "CGO_ENABLED=0", "wasm", "--target"].iter().any(|part| says(part));
    let sources: Vec<&str> = copy.get("sources").items().map(|source| source.text()).collect();
    // Rust of Alpine's image links musl statically by itself.
    let is_rust_alpine = file
        .chain(stage)
        .last()
        .and_then(|stage| stage.reference())
        .is_some_and(|image| image.path == "library/rust" && image.tag.is_some_and(|tag| tag.contains("alpine")));
    if is_static || is_rust_alpine {
        return None;
    }
    let runs = all.iter().filter(|it| it.is("RUN")).flat_map(|run| run.commands());
    let is_taken = |command: &Command<'_>| {
        let name = command.value_of("-o").map(|output| output.rsplit('/').next().unwrap_or(output));
        name.is_some_and(|name| sources.iter().any(|source| source.ends_with(name)))
    };
    let mut found = runs.filter(|command| match command.name() {
        "cargo" => command.has(&["build"]) && sources.iter().any(|source| source.contains("target/")),
        "gcc" | "g++" | "cc" | "clang" => is_taken(command),
        "go" => command.has(&["build"]) && says("CGO_ENABLED=1") && is_taken(command),
        _ => false,
    });
    found.next()
}
