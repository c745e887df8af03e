use policy_sdk::language::shell::all_commands;
use policy_sdk::prelude::*;
use policy_sdk::repository::github::{Action, given};

policy_sdk::rule! {
    /// Kargo promotes each image that a workflow pushes
    ///
    /// Where the documents hold a Stage or Project of Kargo, each image that a workflow pushes
    /// (`docker/build-push-action`, `docker push`) is subscribed by a Warehouse: `spec.subscriptions[*].image.repoURL`
    /// is its repository. An image whose name is not known (`${{ env.IMAGE }}`) is compared by what is known of its
    /// end; where that is nothing the rule is not evaluated.
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
            reads: ["jobs.*.steps[*].uses", "jobs.*.steps[*].with", "jobs.*.steps[*].run:shell"],
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
    let (mut unknown, mut told): (bool, Vec<&str>) = (false, Vec::new());
    let own = input.document.at("metadata.name");
    let workflows: Vec<Related<'_>> = input.related("workflows").collect();
    for (workflow, place, reference) in
        workflows.iter().flat_map(|it| pushed(it).map(move |(place, name)| (it, place, name)))
    {
        let repository = without_tag(reference);
        let known = known_end(repository);
        if known.is_empty() {
            unknown = true;
            continue;
        }
        let is_meant = |url: &&str| {
            if known.len() == repository.len() { **url == *known } else { url.ends_with(known) }
        };
        if !told.contains(&repository) && !subscribed.iter().any(|url| is_meant(&url)) {
            told.push(repository);
            let message = format!("no Warehouse subscribes the image `{repository}`, so no stage gets it");
            findings.report(Code::NoWarehouse, &own, message).label_in(workflow, &place, "it is pushed here");
        }
    }
    if unknown && findings.is_empty() {
        return not_evaluated("names of pushed images are not known");
    }
    Ok(())
}

/// The references of images that a workflow pushes, with their places.
fn pushed<'d>(workflow: &Related<'d>) -> impl Iterator<Item = (View<'d>, &'d str)> + use<'d> {
    let mut pushed = Vec::new();
    let jobs = workflow.document.get("jobs");
    for step in jobs.entries().flat_map(|(_, job)| job.get("steps").items().collect::<Vec<_>>()) {
        let with = step.get("with");
        let builds = Action::parse(step.get("uses").text()).is_some_and(|it| it.is("docker/build-push-action"));
        let push = given(&with, "push");
        if builds && (push.is_true() || push.text() == "true" || push.text().starts_with("${{")) {
            let tags = given(&with, "tags");
            let references = tags.text().split([',', '\n']).map(str::trim_ascii).filter(|it| !it.is_empty());
            pushed.extend(references.map(|reference| (tags.clone(), reference)));
        }
        for command in all_commands(&step.get("run:shell")) {
            let is_push = matches!(command.name(), "docker" | "podman" | "buildah") && command.subcommand() == "push";
            let last = command.program_words().last().filter(|_| is_push);
            pushed.extend(last.map(|word| (step.get("run:shell"), word.text())).filter(|(_, text)| *text != "push"));
        }
    }
    pushed.into_iter()
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
