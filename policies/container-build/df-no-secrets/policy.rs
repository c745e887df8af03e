use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Instruction, Stages, dockerfile};
use policy_sdk::values::credential::{self, is_sample, name::is_telling};

policy_sdk::rule! {
    /// Images hold no secrets
    ///
    /// No value of an `ENV`, `ARG` or `LABEL`, and no command of a `RUN`, is a credential by its form, and no value of
    /// an `ENV` or `ARG` is a literal where its name says that it is a secret. No `ARG` of such a name is used by a
    /// `RUN` of its stage, since its value stays in the history of the image. No `COPY` or `ADD` takes a file from the
    /// repository that holds credentials by its name (`.env`, `id_rsa`, `*.pem`, `.netrc` …); `.env.example` and
    /// certificates do not.
    ///
    /// ## Why
    /// Whoever can pull the image can read all of its layers, the environment and the history of the build. A later
    /// `rm` does not take it out.
    ///
    /// ## Fix
    /// Rotate the secret. Give it to the container when it runs, or to one step of the build:
    ///
    /// ```dockerfile
    /// RUN --mount=type=secret,id=npm,env=NPM_TOKEN npm ci
    /// ```
    findings: {
        /// A value is a credential by its form
        Token: Critical, Certain, covers: ["no-credentials-in-url"];
        /// A literal under a name that says that it is a secret
        Literal: High, Likely;
        /// A password that stands in every tutorial
        Sample: Low, Guess;
        /// A secret is handed to the build as an argument
        Argument: Low, Likely;
        /// A file with credentials is copied
        File: High, Likely;
        /// The history of the repository is copied
        Git: Low, Certain;
    },
    priority: P1,
    effort: Medium,
    factor: Config,
    peers: ["TR:DS-0031", "ZZ:hardcoded-container-credentials"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages],
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let file = dockerfile(input);
    for stage in &file.stages {
        let instructions: Vec<Instruction<'_>> = stage.instructions().collect();
        for (at, instruction) in instructions.iter().enumerate() {
            match instruction.keyword() {
                "ENV" | "ARG" | "LABEL" => judge_pairs(instruction, &instructions[at..], findings),
                "RUN" => judge_command(instruction, findings),
                "COPY" | "ADD" if instruction.from().is_none() => judge_files(instruction, findings),
                _ => {}
            }
        }
    }
    Ok(())
}

fn judge_pairs(instruction: &Instruction<'_>, later: &[Instruction<'_>], findings: &mut Findings) {
    let keyword = instruction.keyword();
    for (name, value) in instruction.pairs() {
        let text = value.text().trim();
        if let Some(what) = credential::detect(text) {
            findings.report(Code::Token, &value, format!("`{name}` is {what}, which stays in the image")).secret();
        } else if keyword != "LABEL" && is_telling(name) && is_sample(text) {
            findings.report(Code::Sample, &value, format!("`{name}` is a well-known password")).secret();
        } else if keyword != "LABEL" && is_telling(name) && credential::may_be_named(name, text) {
            findings.report(Code::Literal, &value, format!("`{name}` is a literal, which stays in the image")).secret();
        } else if keyword == "ARG" && !value.exists() && is_telling(name) && !is_public(name) {
            let uses = |it: &&Instruction<'_>| it.is("RUN") && is_used(it.get("source").text(), name);
            let Some(user) = later.iter().find(uses) else { continue };
            let message = format!("`{name}` is handed over as an argument, which stays in the history of the image");
            findings.report(Code::Argument, &instruction.get("source"), message).label(&user.place(), "used here");
        }
    }
}

/// Names that sound like secrets, of what everybody may read.
fn is_public(name: &str) -> bool {
    name.to_ascii_uppercase().split('_').any(|word| matches!(word, "PUBLIC" | "GPG" | "FINGERPRINT"))
}

/// Whether a text holds `$NAME` or `${NAME`, the whole of the name.
fn is_used(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let is_variable = text[..at].ends_with('$') || text[..at].ends_with("${");
        let next = text[at + name.len()..].chars().next();
        is_variable && !next.is_some_and(|next| next.is_ascii_alphanumeric() || next == '_')
    })
}

fn judge_command(instruction: &Instruction<'_>, findings: &mut Findings) {
    let source = instruction.get("source");
    if let Some((what, line)) = credential::detect_line(source.text()) {
        let message = format!("a command holds {what}, which stays in the history of the image");
        findings.report(Code::Token, &source, message).excerpt(line).secret();
    }
}

fn judge_files(instruction: &Instruction<'_>, findings: &mut Findings) {
    for source in instruction.get("sources").items() {
        let path = source.text().trim_end_matches('/');
        let name = path.rsplit('/').next().unwrap_or_default();
        if name == ".git" {
            findings.report(Code::Git, &source, "the history of the repository is copied: all that was ever in it");
        } else if holds_credentials(name, path) {
            findings.report(Code::File, &source, format!("`{path}` is copied, which holds credentials by its name"));
        }
    }
}

fn holds_credentials(name: &str, path: &str) -> bool {
    const NAMES: [&str; 12] = [
        ".env",
        "id_rsa",
        "id_ed25519",
        "id_ecdsa",
        "id_dsa",
        ".aws",
        ".netrc",
        ".git-credentials",
        "kubeconfig",
        ".kube",
        ".pgpass",
        ".ssh",
    ];
    const PUBLIC: [&str; 10] =
        ["ca", "cert", "certs", "certificate", "chain", "fullchain", "root", "public", "pub", "bundle"];
    const SAMPLES: [&str; 7] = ["example", "sample", "template", "dist", "test", "defaults", "schema"];
    let words = || path.split(['.', '-', '_', '/']);
    if words().any(|word| SAMPLES.contains(&word)) {
        return false;
    }
    let is_key = name.ends_with(".pem") || name.ends_with(".key") && name != ".key";
    NAMES.contains(&name)
        || name.starts_with(".env.")
        || is_key && !name.contains('*') && !words().any(|word| PUBLIC.contains(&word))
}
