use policy_sdk::language::shell::all_commands;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{Action, given};

policy_sdk::rule! {
    /// Kargo promotes each image that a workflow pushes
    ///
    /// Where the documents hold a Stage of Kargo, each image that a workflow pushes (`docker/build-push-action`,
    /// `docker push`) is subscribed by a Warehouse: `spec.subscriptions[*].image.repoURL` is its repository. Findings
    /// stand at the first of the Stages. Variables of `env` are put in their place. An image whose name is not known
    /// (`${{ matrix.image }}`) is compared by what is known of its end; where that is nothing the rule is not
    /// evaluated.
    ///
    /// ## Why
    /// An image without a Warehouse reaches an environment only by hand, past the stages and their tests.
    ///
    /// ## Fix
    /// Subscribe it:
    ///
    /// ```yaml
    /// apiVersion: kargo.akuity.io/v1alpha1
    /// kind: Warehouse
    /// metadata:
    ///   name: cart
    /// spec:
    ///   subscriptions:
    ///     - image:
    ///         repoURL: registry.example.com/shop/cart
    /// ```
    findings: {
        /// No Warehouse subscribes the image
        NoWarehouse: Medium, Likely, absence: ["warehouses"];
    },
    priority: P1,
    effort: Small,
    factor: BuildReleaseRun,
    since: "0.1.0",
    applies_to: ["kargo.akuity.io/Stage"],
    reads: ["metadata.name"],
    inventory: {
        // No relations fit: names of images stand in texts.
        stages: { kinds: ["kargo.akuity.io/Stage"], scope: "cluster", reads: ["metadata.name"] },
        warehouses: {
            kinds: ["kargo.akuity.io/Warehouse"],
            scope: "cluster",
            reads: ["spec.subscriptions[*].image.repoURL"],
        },
        workflows: {
            kinds: ["file/GitHubWorkflow"],
            scope: "cluster",
            reads: [
                "env", "jobs.*.env", "jobs.*.steps[*].env", "jobs.*.steps[*].uses", "jobs.*.steps[*].with",
                "jobs.*.steps[*].run:shell",
            ],
        },
    },
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let first = input.related("stages").map(|it| (it.namespace(), it.name())).min();
    if first.is_some_and(|first| first < (&input.subject.namespace, &input.subject.name)) {
        return not_applicable("another Stage comes first");
    }
    let subscriptions =
        input.related("warehouses").flat_map(|it| it.document.select("spec.subscriptions[*].image.repoURL"));
    let subscribed: Vec<&str> = subscriptions.map(|place| place.text()).collect();
    let (mut unknown, mut told): (bool, Vec<String>) = (false, Vec::new());
    let own = input.document.at("metadata.name");
    let workflows: Vec<Related<'_>> = input.related("workflows").collect();
    for (workflow, place, reference) in
        workflows.iter().flat_map(|it| pushed(it).map(move |(place, name)| (it, place, name)))
    {
        let repository = without_tag(&reference).to_owned();
        let known = known_end(&repository);
        if known.is_empty() {
            unknown = true;
            continue;
        }
        let is_meant = |url: &&str| {
            if known.len() == repository.len() { **url == *known } else { url.ends_with(known) }
        };
        if !told.contains(&repository) && !subscribed.iter().any(|url| is_meant(&url)) {
            let message = format!("no Warehouse subscribes the image `{repository}`, so no stage gets it");
            findings.report(Code::NoWarehouse, &own, message).label_in(workflow, &place, "it is pushed here");
            told.push(repository);
        }
    }
    if unknown && findings.is_empty() {
        return not_evaluated("names of pushed images are not known");
    }
    Ok(())
}

/// The references of images that a workflow pushes, with their places.
fn pushed<'d>(workflow: &Related<'d>) -> impl Iterator<Item = (View<'d>, String)> + use<'d> {
    let mut pushed = Vec::new();
    let all = workflow.document.get("env");
    for (_, job) in workflow.document.get("jobs").entries() {
        for step in job.get("steps").items() {
            let envs = [step.get("env"), job.get("env"), all.clone()];
            let with = step.get("with");
            let builds = Action::parse(step.get("uses").text()).is_some_and(|it| it.is("docker/build-push-action"));
            let push = given(&with, "push");
            if builds && (push.is_true() || push.text() == "true" || push.text().starts_with("${{")) {
                let tags = given(&with, "tags");
                let references = tags.text().split([',', '\n']).map(str::trim_ascii).filter(|it| !it.is_empty());
                pushed.extend(references.map(|reference| (tags.clone(), with_variables(reference, &envs))));
            }
            for command in all_commands(&step.get("run:shell")) {
                let is_push =
                    matches!(command.name(), "docker" | "podman" | "buildah") && command.subcommand() == "push";
                let last = command.program_words().last().filter(|word| is_push && word.text() != "push");
                pushed.extend(last.map(|word| (step.get("run:shell"), with_variables(word.text(), &envs))));
            }
        }
    }
    pushed.into_iter()
}

/// A reference with the variables of `env` in their place, the nearest `env` first. Values that are made of others
/// stay away.
fn with_variables(reference: &str, envs: &[View<'_>]) -> String {
    let mut text = reference.to_owned();
    for (name, value) in envs.iter().flat_map(View::entries) {
        if let Some(value) = value.as_str().filter(|value| !value.contains('$')) {
            for written in [format!("${{{{ env.{name} }}}}"), format!("${{{{env.{name}}}}}"), format!("${{{name}}}")] {
                text = text.replace(&written, value);
            }
            if let Some((before, after)) = text.split_once(&format!("${name}"))
                && !after.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_')
            {
                text = [before, value, after].concat();
            }
        }
    }
    text
}

/// A reference without its tag and digest. A variable may hold colons of its own.
fn without_tag(reference: &str) -> &str {
    let reference = reference.split_once('@').map_or(reference, |(before, _)| before);
    let from = reference.rfind('/').unwrap_or(0);
    match reference[from..].find(':') {
        // `${TAG:-x}`
        Some(at) if !reference[from..from + at].contains("${") || reference[from..from + at].contains('}') => {
            &reference[..from + at]
        }
        _ => reference,
    }
}

/// What is known at the end of a name, behind its last variable.
fn known_end(repository: &str) -> &str {
    let end = repository.rfind('}').map_or(0, |at| at + 1);
    let known = &repository[end..];
    match known.rfind('$') {
        Some(at) => {
            let rest = &known[at + 1..];
            let length = rest.find(|byte: char| !byte.is_ascii_alphanumeric() && byte != '_').unwrap_or(rest.len());
            &rest[length..]
        }
        None => known,
    }
}
