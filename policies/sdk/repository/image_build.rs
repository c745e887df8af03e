//! Who builds an image from a Dockerfile, and what of the repository the build can see: its context.
//!
//! Compose applications, Skaffold, workflows and Makefiles say it. What hangs on a variable is not known.

use super::dockerfile::Instruction;
use super::files::{folder, joined};
use super::github;
use crate::input::{Input, Related};
use crate::json::View;
use crate::language::shell::{Command, all_commands};
use crate::uses::Uses;

crate::usable! {
    /// The files that build the subject, a Dockerfile.
    pub Builders {
        inventory: {
            builders: {
                kinds: [
                    "file/Compose", "file/Skaffold", "file/GitHubWorkflow", "file/GitHubAction", "file/Makefile",
                ],
                scope: "cluster",
                relation: calls {},
                reads: [
                    "services.*.build", "services.*.image", "services.*.healthcheck", "services.*.depends_on",
                    "build.artifacts[*].context", "build.artifacts[*].docker", "build.artifacts[*].image",
                    "jobs.*.steps[*].uses", "jobs.*.steps[*].with", "jobs.*.steps[*].id",
                    "jobs.*.steps[*].working-directory", "jobs.*.steps[*].run:shell", "runs.steps[*].uses",
                    "runs.steps[*].with", "runs.steps[*].id", "runs.steps[*].working-directory",
                    "runs.steps[*].run:shell", "rules[*].recipe[*]:shell",
                ],
            },
        },
    }
    /// The Dockerfiles of a run, with what they copy, and the files that build them: for a repository as the subject.
    pub RepositoryBuilds {
        inventory: {
            // Every Dockerfile is one of the repository's; no relation says that.
            dockerfiles: {
                kinds: ["file/Dockerfile"],
                scope: "cluster",
                reads: [
                    "path", "stages[*].final", "stages[*].stage", "stages[*].name",
                    "stages[*].instructions[*].instruction", "stages[*].instructions[*].flags",
                    "stages[*].instructions[*].sources", "stages[*].instructions[*].destination",
                ],
            },
            repository_builders: {
                kinds: [
                    "file/Compose", "file/Skaffold", "file/GitHubWorkflow", "file/GitHubAction", "file/Makefile",
                ],
                scope: "cluster",
                via: "dockerfiles",
                relation: calls {},
                reads: [
                    "services.*.build", "build.artifacts[*].context", "build.artifacts[*].docker",
                    "jobs.*.steps[*].uses", "jobs.*.steps[*].with", "jobs.*.steps[*].working-directory",
                    "jobs.*.steps[*].run:shell", "runs.steps[*].uses", "runs.steps[*].with",
                    "runs.steps[*].working-directory", "runs.steps[*].run:shell", "rules[*].recipe[*]:shell",
                ],
            },
        },
    }
}

/// What a build can copy from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Context {
    /// A folder, as it is on the machine that builds.
    Folder(String),
    /// A repository that the builder fetches itself, or an archive: only what is committed.
    Remote,
    /// It hangs on a variable.
    Unknown,
}

/// A build of an image.
#[derive(Clone)]
pub struct Build<'d> {
    /// The file that says so.
    pub by: Related<'d>,
    /// Where it says so: the service of Compose, the step, the command, the artifact.
    pub place: View<'d>,
    /// The path of the Dockerfile.
    pub dockerfile: String,
    /// What it can copy from.
    pub context: Context,
    /// The command that builds, where a script does.
    pub command: Option<Command<'d>>,
}

/// The builds of the subject, a Dockerfile.
pub fn builds<'d, P: Uses<Builders>>(input: &Input<'d, P>) -> Vec<Build<'d>> {
    let all = input.related("builders").flat_map(|file| builds_of(&file));
    all.filter(|build| is_same(&build.dockerfile, &input.subject.name)).collect()
}

/// The Dockerfiles of the run, each with its builds.
pub fn dockerfiles<'d, P: Uses<RepositoryBuilds>>(input: &Input<'d, P>) -> Vec<(Related<'d>, Vec<Build<'d>>)> {
    let builders: Vec<Build<'d>> = input.related("repository_builders").flat_map(|file| builds_of(&file)).collect();
    let of = |file: Related<'d>| {
        let own = builders.iter().filter(|build| is_same(&build.dockerfile, file.name())).cloned().collect();
        (file, own)
    };
    input.related("dockerfiles").map(of).collect()
}

fn is_same(one: &str, other: &str) -> bool {
    one == joined("", other)
}

/// Whether an instruction copies the whole context.
pub fn copies_all(instruction: &Instruction<'_>) -> bool {
    matches!(instruction.keyword(), "COPY" | "ADD")
        && instruction.from().is_none()
        && instruction.get("sources").items().any(|source| matches!(source.text(), "." | "./" | "*" | "./*"))
}

/// The builds that a file describes.
fn builds_of<'d>(file: &Related<'d>) -> Vec<Build<'d>> {
    let mut builds = Vec::new();
    let document = &file.document;
    let base = folder(file.name());
    let mut add = |place: View<'d>, command: Option<Command<'d>>, (dockerfile, context): (String, Context)| {
        builds.push(Build { by: file.clone(), place, dockerfile, context, command });
    };
    for (_, service) in document.get("services").entries() {
        let build = service.get("build");
        if build.exists() && !build.get("dockerfile_inline").exists() {
            let context = build.as_str().or_else(|| build.get("context").as_str()).unwrap_or(".");
            add(service, None, from_context(base, context, build.get("dockerfile").as_str()));
        }
    }
    for artifact in document.at("build.artifacts").items() {
        let context = artifact.get("context").as_str().unwrap_or(".");
        let dockerfile = artifact.at("docker.dockerfile").as_str();
        add(artifact, None, from_context(base, context, dockerfile));
    }
    let jobs = document.get("jobs").entries().map(|(_, job)| job);
    // Paths in workflows begin at the repository.
    let root = file.name().find(".github/").map_or("", |at| file.name()[..at].trim_end_matches('/'));
    for step in jobs.chain([document.get("runs")]).flat_map(|holder| holder.get("steps").items()) {
        if step.get("uses").text().starts_with("docker/build-push-action") {
            let with = step.get("with");
            let given = |name: &str| Some(github::given(&with, name).text()).filter(|text| !text.is_empty());
            let context = match given("context") {
                None => (String::new(), Context::Remote),
                Some(context) => (context.to_owned(), context_of(root, context)),
            };
            let (path, context) = context;
            let dockerfile = match given("file") {
                Some(file) => joined(root, file),
                None => joined(&joined(root, &path), "Dockerfile"),
            };
            add(step, None, (dockerfile, context));
        } else if !step.get("working-directory").exists() {
            let tree = step.get("run:shell");
            scripted(&tree).into_iter().for_each(|command| {
                if let Some(build) = built_by(root, &command) {
                    add(View::clone(&command), Some(command), build);
                }
            });
        }
    }
    for rule in document.get("rules").items() {
        for line in rule.get("recipe[*]:shell").items() {
            for command in scripted(&line) {
                if let Some(build) = built_by(base, &command) {
                    add(View::clone(&command), Some(command), build);
                }
            }
        }
    }
    builds
}

/// The Dockerfile and the context of a build whose Dockerfile is named from its context.
fn from_context(base: &str, context: &str, dockerfile: Option<&str>) -> (String, Context) {
    let path = joined(&joined(base, context), dockerfile.unwrap_or("Dockerfile"));
    (path, context_of(base, context))
}

fn context_of(base: &str, context: &str) -> Context {
    if context == "-" || context.contains("://") || context.starts_with("git@") || context.starts_with("{{") {
        Context::Remote
    } else if context.contains(['$', '`']) {
        Context::Unknown
    } else {
        Context::Folder(joined(base, context))
    }
}

/// The commands of a script that stays in its folder.
fn scripted<'d>(tree: &View<'d>) -> Vec<Command<'d>> {
    let commands = all_commands(tree);
    if commands.iter().any(|command| matches!(command.name(), "cd" | "pushd")) { Vec::new() } else { commands }
}

/// Options of `docker build` that take no value.
const FLAGS: [&str; 11] =
    ["--push", "--load", "--no-cache", "--pull", "--quiet", "-q", "--rm", "--force-rm", "--squash", "--check", "-D"];

/// The Dockerfile and the context of a command that builds an image.
fn built_by(base: &str, command: &Command<'_>) -> Option<(String, Context)> {
    if !matches!(command.name(), "docker" | "podman" | "nerdctl" | "buildah") {
        return None;
    }
    let mut rest = command.arguments().skip_while(|word| !matches!(*word, "build" | "bud")).skip(1);
    let (mut file, mut context) = (None, None);
    while let Some(word) = rest.next() {
        let (option, value) = word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)));
        match option {
            "-f" | "--file" => file = value.or_else(|| rest.next()),
            _ if !option.starts_with('-') || word == "-" => context = Some(word),
            _ if FLAGS.contains(&option) || value.is_some() => {}
            _ => drop(rest.next()),
        }
    }
    let context = context?;
    let dockerfile = file.map_or_else(|| joined(&joined(base, context), "Dockerfile"), |file| joined(base, file));
    Some((dockerfile, context_of(base, context)))
}
