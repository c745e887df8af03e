//! Which images files say they build, and from which Dockerfile.
//!
//! Compose applications, Skaffold, workflows (`docker/build-push-action` and scripts) and Makefiles name an image and the
//! Dockerfile that it is built from. Where no file names the image, a Dockerfile builds the one that is called as its
//! directory, or as `api.Dockerfile` and `Dockerfile.api` say.

use crate::document::{Document, Entry, ImageBuild as Build, Node, directory, file_name, joined};
use crate::language::Language;
use crate::language::follow;
use crate::language::key::Reading;
use std::sync::Arc;

/// Directories that say nothing of the image.
const NAMELESS: [&str; 12] = [
    "docker",
    "dockerfiles",
    "build",
    "builds",
    "container",
    "containers",
    "image",
    "images",
    "package",
    "deploy",
    "ci",
    ".devcontainer",
];
/// Programs whose `build` makes an image.
const BUILDERS: [&str; 4] = ["docker", "podman", "nerdctl", "buildah"];
/// Options of theirs that take no value, so that what follows is none.
const FLAGS: [&str; 14] = [
    "--push",
    "--load",
    "--no-cache",
    "--pull",
    "--quiet",
    "-q",
    "--rm",
    "--force-rm",
    "--squash",
    "--debug",
    "-D",
    "--check",
    "--layers",
    "--compress",
];

/// The builds that a file describes, found once. What hangs on a variable is left out.
pub(super) fn of(document: &Document) -> Arc<[Build]> {
    document.derived.builds(|| find(document))
}

fn find(document: &Document) -> Vec<Build> {
    match document.subject.kind.as_str() {
        _ if !document.is_file() => Vec::new(),
        "Compose" => compose(document),
        "Skaffold" => skaffold(document),
        "GitHubWorkflow" | "GitHubAction" => workflow(document),
        "Makefile" => makefile(document),
        _ => Vec::new(),
    }
}

/// The images that a Dockerfile builds by what it is called; none where that says nothing.
pub(super) fn name_of(path: &str) -> Option<&str> {
    let file = file_name(path);
    let named = file.strip_suffix(".Dockerfile").or_else(|| file.strip_suffix(".dockerfile"));
    if let Some(name) = named.or_else(|| file.strip_prefix("Dockerfile.")) {
        return Some(name);
    }
    let mut above = directory(path).rsplit('/');
    above.find(|name| !NAMELESS.contains(name)).filter(|name| !name.is_empty() && *name != "..")
}

/// The name of an image without registry, tag and digest, as parts from the end: `api`, `acme`, `ghcr.io`. A part that
/// hangs on a variable ends them; `None` where the last one does.
pub(super) fn parts(image: &str) -> Option<Vec<&str>> {
    let image = image.split('@').next().unwrap_or_default();
    let mut parts: Vec<&str> = Vec::new();
    for (index, part) in split(image).into_iter().rev().enumerate() {
        let part = if index == 0 { part.split(':').next().unwrap_or_default() } else { part };
        if part.is_empty() || part.contains(['$', '{', '}', '<', '>']) {
            break;
        }
        parts.push(part);
    }
    if parts.last().is_some_and(|registry| matches!(*registry, "docker.io" | "index.docker.io")) {
        parts.pop();
        if parts.len() == 2 && parts[1] == "library" {
            parts.pop();
        }
    }
    (!parts.is_empty()).then_some(parts)
}

/// Parts between slashes that are in no `${…}`.
fn split(image: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, letter) in image.char_indices() {
        match letter {
            '{' | '(' => depth += 1,
            '}' | ')' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => {
                parts.push(&image[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&image[start..]);
    parts
}

/// Whether two references mean the same image, as far as both say it.
pub(super) fn are_same(one: &[&str], other: &[&str]) -> bool {
    one.iter().zip(other).all(|(one, other)| one == other)
}

/// A path in which nothing hangs on a variable and nothing is fetched.
fn is_path(text: &str) -> bool {
    !text.contains(['$', '{', '`']) && !text.contains("://") && !text.starts_with("git@") && text != "-"
}

/// The Dockerfile of a context, which a file names from that or from elsewhere.
fn dockerfile(base: &str, context: &str, file: Option<&str>, from_context: bool) -> Option<String> {
    if !is_path(context) || file.is_some_and(|file| !is_path(file)) {
        return None;
    }
    let context = joined(base, context);
    Some(match file {
        Some(file) if file.starts_with('/') => return None,
        Some(file) => joined(if from_context { &context } else { base }, file),
        None => joined(&context, "Dockerfile"),
    })
}

fn compose(document: &Document) -> Vec<Build> {
    let base = directory(&document.subject.name);
    let services = document.root.get("services").map_or(&[][..], Node::entries);
    let build = |service: &Entry| {
        let build = service.value.get("build")?;
        if build.get("dockerfile_inline").is_some() {
            return None;
        }
        let context = build.as_str().or_else(|| build.get("context").and_then(Node::as_str)).unwrap_or(".");
        let dockerfile = dockerfile(base, context, build.get("dockerfile").and_then(Node::as_str), true)?;
        let tags = build.get("tags").map_or(&[][..], Node::items).iter();
        let images = service.value.get("image").into_iter().chain(tags);
        Some(Build { images: images.filter_map(Node::as_str).map(str::to_owned).collect(), dockerfile })
    };
    services.iter().filter_map(build).collect()
}

fn skaffold(document: &Document) -> Vec<Build> {
    let base = directory(&document.subject.name);
    let artifacts = document.root.path(&["build", "artifacts"]).map_or(&[][..], Node::items);
    let build = |artifact: &Node| {
        const OTHERS: [&str; 6] = ["jib", "ko", "buildpacks", "bazel", "custom", "kaniko"];
        if OTHERS.iter().any(|other| artifact.get(other).is_some()) {
            return None;
        }
        let context = artifact.get("context").and_then(Node::as_str).unwrap_or(".");
        let file = artifact.path(&["docker", "dockerfile"]).and_then(Node::as_str);
        let dockerfile = dockerfile(base, context, file, true)?;
        Some(Build {
            images: artifact.get("image").and_then(Node::as_str).map(str::to_owned).into_iter().collect(),
            dockerfile,
        })
    };
    artifacts.iter().filter_map(build).collect()
}

/// The root of the repository that a workflow or action below `.github` stands in.
pub(super) fn root_of_workflow(path: &str) -> Option<&str> {
    match path.strip_prefix(".github/") {
        Some(_) => Some(""),
        None => path.rfind("/.github/").map(|at| &path[..at]),
    }
}

fn workflow(document: &Document) -> Vec<Build> {
    let Some(root) = root_of_workflow(&document.subject.name) else { return Vec::new() };
    let jobs = document.root.get("jobs").map_or(&[][..], Node::entries).iter().map(|job| &job.value);
    let mut builds = Vec::new();
    for holder in jobs.chain(document.root.get("runs")) {
        let steps = holder.get("steps").map_or(&[][..], Node::items);
        for step in steps {
            let uses = step.get("uses").and_then(Node::as_str).unwrap_or_default();
            if uses.starts_with("docker/build-push-action") {
                builds.extend(pushed(root, step, steps));
            } else if step.get("working-directory").is_none() {
                builds.extend(scripted(document, root, step, "run", false));
            }
        }
    }
    builds
}

/// The build of a step that uses `docker/build-push-action`. A context that is not named is the repository.
fn pushed(root: &str, step: &Node, steps: &[Node]) -> Option<Build> {
    let with = |of: &Node, key: &str| of.path(&["with", key]).and_then(Node::as_str).unwrap_or_default().to_owned();
    let (context, file) = (with(step, "context"), with(step, "file"));
    let context = if context.is_empty() { "." } else { &context };
    let dockerfile = dockerfile(root, context, Some(&*file).filter(|file| !file.is_empty()), false)?;
    let tags = with(step, "tags");
    let listed = |text: &str| -> Vec<String> {
        text.split(['\n', ',']).map(|image| image.trim().to_owned()).filter(|image| !image.is_empty()).collect()
    };
    // Tags that `docker/metadata-action` made of its images.
    let by_metadata = |other: &&Node| {
        let id = other.get("id").and_then(Node::as_str);
        id.is_some_and(|id| tags.contains(&format!("steps.{id}.outputs.tags")))
    };
    let metadata = steps.iter().filter(by_metadata).flat_map(|other| listed(&with(other, "images")));
    let images = listed(&tags).into_iter().filter(|image| parts(image).is_some()).chain(metadata).collect();
    Some(Build { images, dockerfile })
}

fn makefile(document: &Document) -> Vec<Build> {
    let base = directory(&document.subject.name);
    let rules = document.root.get("rules").map_or(&[][..], Node::items);
    rules.iter().flat_map(|rule| scripted(document, base, rule, "recipe", true)).collect()
}

/// The builds of a script. One that goes to another directory first is left out.
fn scripted(document: &Document, base: &str, holder: &Node, key: &str, each: bool) -> Vec<Build> {
    let Some(entry) = holder.entry(key) else { return Vec::new() };
    let texts = entry.value.items().iter().chain([&entry.value]).filter_map(Node::as_str);
    let may_build = |text: &str| text.contains("build") && BUILDERS.iter().any(|builder| text.contains(builder));
    if !texts.into_iter().any(may_build) {
        return Vec::new();
    }
    let reading = Reading { each, language: Language::Shell };
    let Some(tree) = follow::tree(document, None, holder, (key, Some(entry)), &reading) else { return Vec::new() };
    let mut builds = Vec::new();
    for script in tree.root.items().iter().chain([&tree.root]) {
        let mut commands = Vec::new();
        collect_commands(script, &mut commands);
        if commands.iter().any(|command| matches!(name(command), Some("cd" | "pushd"))) {
            continue;
        }
        builds.extend(commands.into_iter().filter_map(|command| built_by(base, command)));
    }
    builds
}

fn name(command: &Node) -> Option<&str> {
    command.get("name").and_then(Node::as_str)
}

/// All commands of a script, those in others included.
fn collect_commands<'n>(holder: &'n Node, found: &mut Vec<&'n Node>) {
    for command in holder.get("commands").map_or(&[][..], Node::items) {
        found.push(command);
        for key in ["branches", "scripts"] {
            command.get(key).map_or(&[][..], Node::items).iter().for_each(|inner| collect_commands(inner, found));
        }
    }
}

/// The build that a command is: `docker build`, `docker buildx build`, `docker image build`.
fn built_by(base: &str, command: &Node) -> Option<Build> {
    if !BUILDERS.contains(&name(command)?) {
        return None;
    }
    let words: Vec<&str> = command.get("words")?.items().iter().map(|word| text(word).unwrap_or_default()).collect();
    let build = words.iter().position(|word| matches!(*word, "build" | "bud"))?;
    let (mut images, mut file, mut context) = (Vec::new(), None, None);
    let mut rest = words[build + 1..].iter().copied();
    while let Some(word) = rest.next() {
        let (option, value) = word.split_once('=').map_or((word, None), |(option, value)| (option, Some(value)));
        match option {
            "-t" | "--tag" => images.extend(value.or_else(|| rest.next()).map(str::to_owned)),
            "-f" | "--file" => file = value.or_else(|| rest.next()),
            _ if !option.starts_with('-') => context = Some(word),
            _ if FLAGS.contains(&option) || value.is_some() => {}
            _ => {
                rest.next();
            }
        }
    }
    Some(Build { images, dockerfile: dockerfile(base, context?, file, false)? })
}

fn text(word: &Node) -> Option<&str> {
    word.get("text").and_then(Node::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::inventory::tests::file_of;

    fn builds(path: &str, content: &str) -> Vec<Build> {
        file_of(path, content).iter().flat_map(|document| of(document).to_vec()).collect()
    }

    fn build(images: &[&str], dockerfile: &str) -> Build {
        Build { images: images.iter().map(|image| (*image).to_owned()).collect(), dockerfile: dockerfile.to_owned() }
    }

    #[test]
    fn compose_builds_from_its_own_directory() {
        let text = "services:\n  a: {build: ./api, image: acme/api}\n  b:\n    image: web\n    build: {context: .., dockerfile: docker/web.Dockerfile, tags: [x/web:1]}\n  c: {image: redis}\n  d: {build: 'https://example.com/x.git', image: d}\n  e: {build: '${DIR}', image: e}\n  f: {build: {dockerfile_inline: FROM a}, image: f}\n";
        let expected =
            [build(&["acme/api"], "deploy/api/Dockerfile"), build(&["web", "x/web:1"], "docker/web.Dockerfile")];
        assert_eq!(builds("deploy/compose.yaml", text), expected);
    }

    #[test]
    fn skaffold_names_the_images_that_docker_builds() {
        let text = "apiVersion: skaffold/v4beta6\nkind: Config\nbuild:\n  artifacts:\n  - {image: adservice, context: src/adservice}\n  - {image: b, docker: {dockerfile: b.Dockerfile}}\n  - {image: j, jib: {}}\n";
        let expected = [build(&["adservice"], "src/adservice/Dockerfile"), build(&["b"], "b.Dockerfile")];
        assert_eq!(builds("skaffold.yaml", text), expected);
    }

    #[test]
    fn workflows_build_by_action_and_by_script() {
        let text = r#"
on: push
jobs:
  a:
    runs-on: x
    steps:
    - {id: meta, uses: docker/metadata-action@v5, with: {images: "ghcr.io/acme/web"}}
    - uses: docker/build-push-action@v6
      with: {context: web, tags: "${{ steps.meta.outputs.tags }}"}
    - uses: docker/build-push-action@v6
      with: {file: "docker/api.Dockerfile", tags: "ghcr.io/acme/api:${{ github.sha }},ghcr.io/acme/api:v1"}
    - uses: docker/build-push-action@v6
      with: {context: "${{ matrix.dir }}", tags: x}
    - run: |
        docker buildx build --platform linux/amd64 --push -t "$REGISTRY/job:$TAG" --file=job/Dockerfile .
    - run: cd sub && docker build -t sub .
"#;
        let expected = [
            build(&["ghcr.io/acme/web"], "web/Dockerfile"),
            build(&["ghcr.io/acme/api:${{ github.sha }}", "ghcr.io/acme/api:v1"], "docker/api.Dockerfile"),
            build(&["$REGISTRY/job:$TAG"], "job/Dockerfile"),
        ];
        assert_eq!(builds(".github/workflows/ci.yaml", text), expected);
    }

    #[test]
    fn makefiles_build_from_their_own_directory() {
        let text = "image:\n\tdocker build -t $(REPO)/operator:$(TAG) -f build/Dockerfile .\n\t@echo done\n";
        assert_eq!(builds("ops/Makefile", text), [build(&["$(REPO)/operator:$(TAG)"], "ops/build/Dockerfile")]);
        for prefix in ["@", "-", "@ - +", "+@"] {
            let text = format!("image:\n\t{prefix}docker build -t shop .\n");
            assert_eq!(builds("ops/Makefile", &text), [build(&["shop"], "ops/Dockerfile")], "{prefix}");
        }
    }

    #[test]
    fn images_are_the_same_as_far_as_both_say_it() {
        let same = |one: &str, other: &str| match (parts(one), parts(other)) {
            (Some(one), Some(other)) => are_same(&one, &other),
            _ => false,
        };
        for (one, other, expected) in [
            ("api", "ghcr.io/acme/api:1.0", true),
            ("$REGISTRY/api:$TAG", "localhost:5000/api@sha256:0", true),
            ("${REGISTRY:-a/b}/api", "c/api", true),
            ("acme/api", "other/api", false),
            ("docker.io/acme/api", "acme/api", true),
            ("docker.io/library/redis", "redis", true),
            ("acme/$NAME", "acme/api", false),
            ("acme/api", "acme/api-worker", false),
        ] {
            assert_eq!(same(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn a_dockerfile_is_called_after_what_it_builds() {
        for (path, expected) in [
            ("services/api/Dockerfile", Some("api")),
            ("api/docker/Dockerfile", Some("api")),
            ("docker/Dockerfile.web", Some("web")),
            ("web.Dockerfile", Some("web")),
            ("Dockerfile", None),
            ("docker/Dockerfile", None),
            ("../Dockerfile", None),
        ] {
            assert_eq!(name_of(path), expected, "{path}");
        }
    }
}
