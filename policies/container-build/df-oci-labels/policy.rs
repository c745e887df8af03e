use policy_sdk::prelude::*;
use policy_sdk::repository::dockerfile::{Stages, dockerfile};
use policy_sdk::repository::github;
use policy_sdk::repository::image_build::{self, Build, Builders};

policy_sdk::rule! {
    /// Images carry the labels that say where they come from
    ///
    /// Each of the labels `required` (`source`, `revision`, `version`, `licenses`: names of `org.opencontainers.image.*`, or
    /// whole names) is set by a `LABEL` of the stages that the image is made of, or by every build of it: `--label`, the
    /// input `labels` of `docker/build-push-action`, of which `docker/metadata-action` sets all. Without `required` the rule
    /// is not applicable. Where nothing in the repository builds the image, its labels may be set elsewhere, and the rule is
    /// not evaluated; so it is for a build with Compose, Skaffold or a script whose labels hang on a variable.
    ///
    /// ## Why
    /// Whoever finds an image in a cluster, or a flaw in it, cannot say which commit of which repository it was built from.
    ///
    /// ## Fix
    /// Set what changes with each build where it is built, and not as a literal in the Dockerfile:
    ///
    /// ```yaml
    /// - id: meta
    ///   uses: docker/metadata-action@v5
    ///   with: {images: ghcr.io/acme/cart}
    /// - uses: docker/build-push-action@v6
    ///   with:
    ///     context: .
    ///     labels: ${{ steps.meta.outputs.labels }}
    /// ```
    findings: {
        /// A label is set nowhere
        Missing: Info, Certain;
    },
    priority: P2,
    effort: Small,
    factor: Codebase,
    peers: ["HL:DL3049"],
    since: "0.1.0",
    applies_to: ["file/Dockerfile"],
    uses: [Stages, Builders],
    parameters: {
        /// The labels that every image has; a name without dots is one of `org.opencontainers.image.*`.
        required: Vec<String> = Vec::new(),
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let required = input.parameters.required.iter();
    let required: Vec<String> = required
        .map(|name| if name.contains('.') { name.clone() } else { format!("org.opencontainers.image.{name}") })
        .collect();
    let file = dockerfile(input);
    if required.is_empty() || !file.starts() || file.development().is_some() {
        return not_applicable("no labels are required of it");
    }
    let shipped = file.shipped();
    let labels: Vec<&str> = shipped
        .iter()
        .flat_map(|stage| stage.instructions())
        .filter(|it| it.is("LABEL"))
        .flat_map(|it| it.pairs().map(|(name, _)| name).collect::<Vec<_>>())
        .collect();
    let missing: Vec<&String> = required.iter().filter(|name| !labels.contains(&name.as_str())).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let builds = image_build::builds(input);
    if builds.is_empty() {
        return not_evaluated("nothing in the repository builds it, and labels may be set where it is built");
    }
    let place = file.last().map_or_else(|| input.document.clone(), |stage| stage.image());
    let mut unknown = false;
    for build in &builds {
        let without: Vec<String> = missing
            .iter()
            .filter(|name| match sets(build, name) {
                Some(is_set) => !is_set,
                None => {
                    unknown = true;
                    false
                }
            })
            .map(|name| format!("`{name}`"))
            .collect();
        if !without.is_empty() {
            let message = format!("nothing sets the label {}", without.join(", "));
            findings.report(Code::Missing, &place, message).label_in(&build.by, &build.place, "it is built here");
            return Ok(());
        }
    }
    findings.or_unknown(unknown.then_some("the labels that its build sets hang on a variable"))
}

/// Whether a build sets a label; `None` where that hangs on a variable.
fn sets(build: &Build<'_>, name: &str) -> Option<bool> {
    if let Some(command) = &build.command {
        let is_label = |text: &str| text.trim_start_matches("--label=").split('=').next() == Some(name);
        let words: Vec<&str> = command.arguments().collect();
        let is_set = words.iter().any(|word| is_label(word));
        return if !is_set && words.iter().any(|word| word.starts_with(['$', '"'])) { None } else { Some(is_set) };
    }
    if build.by.kind() == "Compose" {
        let labels = build.place.get("build").get("labels");
        let listed = labels.items().any(|label| label.text().split('=').next() == Some(name));
        return Some(listed || labels.get(name).exists());
    }
    let labels = github::given(&build.place.get("with"), "labels");
    if labels.text().contains("${{") {
        // Outputs of `docker/metadata-action` have all of them; of anything else nobody knows.
        return if labels.text().contains("outputs.labels") { Some(true) } else { None };
    }
    Some(labels.text().lines().any(|line| line.trim().split('=').next() == Some(name)))
}
