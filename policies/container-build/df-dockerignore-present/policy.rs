use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::Dockerfile;
use policy_sdk::repository::files::{self, File, RepositoryFiles};
use policy_sdk::repository::image_build::{self, Context, RepositoryBuilds};
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// What is not part of an image is kept out of its build
    ///
    /// A Dockerfile with `COPY . …` or `ADD . …` copies all of its context, the folder that a Compose file, Skaffold, a
    /// workflow, a script or a Makefile builds it in. In that folder lies a `.dockerignore`, or one that is called as the
    /// Dockerfile is (`api.Dockerfile.dockerignore`), where something is there to keep out: files that hold secrets by
    /// their names (`secrets`), the history of the repository, `node_modules` and `target`, which tools make beside a
    /// `package.json` or a `Cargo.toml`.
    ///
    /// What the `.dockerignore` says is not read. Files in folders of tests and examples do not count. A builder that
    /// fetches the repository itself sees only what is committed, without its history, so that it passes. Where nothing says
    /// in which folder the Dockerfile is built, or that hangs on a variable, the rule is not evaluated.
    ///
    /// ## Why
    /// Files with secrets end up in a layer of the image, or in the cache of the builder. The history and folders of tools
    /// are often larger than all the rest: each build sends them to the builder, and each commit changes them, so that no
    /// layer comes from the cache. A `node_modules` of another machine replaces the one that the image has installed.
    ///
    /// ## Fix
    /// Add a `.dockerignore` to the folder, or copy only what the image needs:
    ///
    /// ```text
    /// .git
    /// .env*
    /// *.pem
    /// node_modules
    /// target
    /// ```
    findings: {
        /// A file with secrets is copied
        Secret: Medium, Likely;
        /// The history, or a folder of a tool, is copied
        Junk: Low, Likely;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    since: "0.1.0",
    applies_to: ["file/Repository"],
    uses: [RepositoryBuilds, RepositoryFiles],
    parameters: {
        /// Names, as globs, of files that hold secrets.
        secrets: Vec<String> = list([".env", ".env.*", "*.pem", "id_rsa", "id_ed25519", "*.tfstate", "*.p12", "*.jks"]),
        /// Of what `secrets` names, those that hold none.
        samples: Vec<String> =
            list(["*.example", "*.sample", "*.template", "*.dist", "*.defaults", "*cert*.pem", "*ca.pem", "*.pub"]),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let files = files::files(input);
    let root = files::joined("", input.document.get("path").text());
    let mut unknown = None;
    let mut is_any = false;
    for (related, builds) in image_build::dockerfiles(input) {
        let file = Dockerfile::of(&related.document);
        let mut instructions = file.stages.iter().flat_map(|stage| stage.instructions());
        let Some(copy) = instructions.find(image_build::copies_all) else { continue };
        let path = files::below(input, related.name());
        let Some(own) = files.iter().find(|file| file.path == path && !file.is_aside()) else { continue };
        is_any = true;
        let mut contexts: Vec<&str> = Vec::new();
        for build in &builds {
            match &build.context {
                Context::Folder(folder) => match folder.strip_prefix(&root).map(|rest| rest.trim_matches('/')) {
                    Some(context) if !contexts.contains(&context) => contexts.push(context),
                    _ => {}
                },
                Context::Remote => {}
                Context::Unknown => unknown = Some(format!("where `{path}` is built hangs on a variable")),
            }
        }
        if builds.is_empty() {
            unknown = Some(format!("nothing says in which folder `{path}` is built"));
        }
        for context in contexts {
            if !is_there(&files, &[path, ".dockerignore"].concat())
                && !is_there(&files, &files::joined(context, ".dockerignore"))
            {
                judge(input, &files, (own, context), (&related, &copy.place()), findings);
            }
        }
    }
    if !is_any {
        return not_applicable("no Dockerfile copies all of its context");
    }
    findings.or_unknown(unknown)
}

/// Reports what is copied of a context that has no `.dockerignore`.
fn judge(
    input: &Input<'_, Parameters>,
    files: &[File<'_>],
    (own, context): (&File<'_>, &str),
    (dockerfile, copy): (&Related<'_>, &View<'_>),
    findings: &mut Findings,
) {
    let is_of = |globs: &[String], name: &str| globs.iter().any(|glob| glob_match(glob, name));
    let Parameters { secrets, samples } = &input.parameters;
    let is_secret = |file: &&File<'_>| {
        files::is_below(file.path, context)
            && !file.is_aside()
            && is_of(secrets, file.name())
            && !is_of(samples, file.name())
    };
    let secret = files.iter().find(is_secret);
    let has = |name: &str| is_there(files, &files::joined(context, name));
    let mut junk = Vec::new();
    if context.is_empty() && files::are_whole(files) {
        junk.push(".git");
    }
    if has("package.json") {
        junk.push("node_modules");
    }
    if has("Cargo.toml") {
        junk.push("target");
    }
    let folder = if context.is_empty() { "the repository".to_owned() } else { format!("`{context}`") };
    let report = match secret {
        Some(file) => {
            let message = format!("`{}` is copied with all of {folder}, which has no `.dockerignore`", file.path);
            findings.report(Code::Secret, &own.place, message).label(&file.place, "it holds secrets, as its name says")
        }
        None if !junk.is_empty() => {
            let listed = junk.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
            let message = format!("{listed} would be copied with all of {folder}, which has no `.dockerignore`");
            findings.report(Code::Junk, &own.place, message)
        }
        None => return,
    };
    report.label_in(dockerfile, copy, "it copies everything");
}

fn is_there(files: &[File<'_>], path: &str) -> bool {
    files.binary_search_by(|file| file.path.cmp(path)).is_ok()
}
