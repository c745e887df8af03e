use policy_sdk::language::shell::base_name;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Dockerfile, Instruction, Stages, dockerfile};
use policy_sdk::tables::base_images::{BuildImages, holds};

policy_sdk::rule! {
    /// What is shipped holds no compiler
    ///
    /// The final stage, and those that it is built from, do not begin from an image that is there to build (`golang`,
    /// `rust`, `maven`, a JDK; the table `buildImages`), and compile nothing that was copied from the repository.
    ///
    /// The rule skips images without `ENTRYPOINT` and `CMD` or that start a shell, which are tools; images of Windows;
    /// and those for development, tests or builds by the name of the file, a folder or the final stage.
    ///
    /// ## Why
    /// Compilers, package managers and sources make an image many times larger, which each node pulls. Each of them
    /// has its own vulnerabilities, and gives an attacker tools.
    ///
    /// ## Fix
    /// Build in one stage, and copy what it made to a small one:
    ///
    /// ```dockerfile
    /// FROM golang:1.25 AS build
    /// WORKDIR /src
    /// COPY . .
    /// RUN CGO_ENABLED=0 go build -o /out/app ./cmd/app
    ///
    /// FROM gcr.io/distroless/static-debian12:nonroot
    /// COPY --from=build /out/app /app
    /// ENTRYPOINT ["/app"]
    /// ```
    findings: {
        /// The image that is shipped is one that builds
        BuildImage: Medium, Likely, covers: ["df-minimal-base"], within: Document;
        /// Something is compiled in the image that is shipped
        Compiles: Medium, Likely, covers: ["df-minimal-base"], within: Document;
    },
    priority: P1,
    effort: Medium,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [BuildImages, Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    if !file.starts() || starts_shell(&file) {
        return not_applicable("the image starts nothing of its own: it is a base, or holds tools");
    }
    if file.is_windows() {
        return not_applicable("the image is one of Windows");
    }
    if let Some(name) = file.development() {
        return not_applicable(format!("`{name}` says that it is for development"));
    }
    const TOOLS: [&str; 4] = ["builder", "build-image", "buildimage", "packaging"];
    if let Some(name) = TOOLS.iter().find(|name| file.path.contains(**name)) {
        return not_applicable(format!("`{name}` says that it is there to build"));
    }
    let Some(base) = file.base() else { return not_applicable("there is no final stage") };
    let rows = input.setting::<BuildImages>().rows;
    if let Some(image) = base.reference().filter(|image| holds(&rows, image) == Some("compiler")) {
        let message = format!("the image is built from `{}`, which is there to build", image.repository());
        findings.report(Code::BuildImage, &base.image(), message);
        return Ok(());
    }
    // Those of the stage at the bottom come first.
    let mut stages = file.shipped();
    stages.reverse();
    let mut has_sources = false;
    for instruction in stages.iter().flat_map(|stage| stage.instructions().collect::<Vec<_>>()) {
        has_sources |= matches!(instruction.keyword(), "COPY" | "ADD") && instruction.from().is_none();
        if has_sources && let Some(command) = compiling(&instruction) {
            findings.report(
                Code::Compiles,
                &command.0,
                format!("`{}` compiles in the image that is shipped", command.1),
            );
            return Ok(());
        }
    }
    let unknown = base.resolved().is_none().then(|| format!("the base image `{}` is not known", base.image().text()));
    findings.or_unknown(unknown)
}

/// Whether the image starts a shell, and so is for people.
fn starts_shell(file: &Dockerfile<'_>) -> bool {
    let (entrypoint, command) = file.entry();
    let is_shell = |it: &Instruction<'_>| {
        let words: Vec<&str> = it.get("exec").items().map(|word| word.text()).collect();
        let words = if it.is_exec() { words } else { vec![it.get("command").text()] };
        matches!(words[..], [word] if matches!(base_name(word), "sh" | "bash" | "ash" | "zsh"))
    };
    entrypoint.is_none() && command.as_ref().is_some_and(is_shell)
}

/// A command that compiles, with its text.
fn compiling<'d>(instruction: &Instruction<'d>) -> Option<(View<'d>, String)> {
    let commands = if instruction.is("RUN") { instruction.commands() } else { Vec::new() };
    let found = commands.into_iter().find(|command| {
        let verb = command.subcommand();
        let verb = if verb.is_empty() {
            command.arguments().find(|it| !it.starts_with('-')).unwrap_or_default()
        } else {
            verb
        };
        match command.name() {
            "go" | "cargo" => matches!(verb, "build" | "install"),
            "mvn" | "mvnw" => matches!(verb, "package" | "install" | "verify"),
            "gradle" | "gradlew" => ["build", "assemble", "jar"].iter().any(|task| verb.ends_with(task)),
            "dotnet" => matches!(verb, "build" | "publish"),
            "gcc" | "g++" | "javac" | "tsc" => true,
            _ => false,
        }
    })?;
    let line = found.line();
    Some((View::clone(&found), line))
}
