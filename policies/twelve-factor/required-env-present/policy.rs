use policy_sdk::kubernetes::config::{self, ConfigSources, Taker};
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// Containers get the variables that they cannot do without
    ///
    /// Each entry of `required` lists variables for the pods that have its `labels`. A container that the entry means has
    /// each of them in `env`, or as a key of a ConfigMap or Secret of its `envFrom`, prefix included. The entry means the
    /// main containers whose name or image matches one of its `containers`; without those, the container that
    /// `kubectl.kubernetes.io/default-container` names, else the first one.
    ///
    /// Where a variable may come from a Secret of unknown keys, or from a reference that is `optional`, the rule decides
    /// nothing.
    ///
    /// ## Why
    /// A program without its configuration stops when it starts, or worse, goes on with a default that was meant for the
    /// developer's machine.
    ///
    /// ## Fix
    /// Set the variable: `env: [{name: STORAGE_TYPE, value: s3}]`, or take it from a ConfigMap by `envFrom`.
    findings: {
        /// A container does not get a variable that it needs
        Missing: Medium, Certain;
    },
    priority: P1,
    effort: Small,
    factor: Config,
    peers: ["KY:check-env-vars"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [ConfigSources],
    reads: [
        "object.metadata.labels",
        "pod.metadata.labels",
        "pod.metadata.annotations[\"kubectl.kubernetes.io/default-container\"]",
        "main_container.name",
        "main_container.image",
    ],
    parameters: {
        /// Which variables which pods need. Nothing is checked without any.
        required: Vec<Requirement> = Vec::new(),
    },
}

policy_sdk::record! {
    /// Variables that some containers need.
    pub Requirement {
        /// Labels of the pods, or of their workload; all of them have to match.
        labels, "labels": Vec<(String, String)> = Vec::new();
        /// Names or images of main containers, as globs.
        containers, "containers": Vec<String> = Vec::new();
        /// The variables.
        names, "names": Vec<String> = Vec::new();
    }
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let workload = input.workload();
    let is_meant =
        |entry: &&Requirement| entry.labels.iter().all(|(key, value)| workload.label(key) == Some(value.as_str()));
    let meant: Vec<&Requirement> = input.parameters.required.iter().filter(is_meant).collect();
    if meant.is_empty() {
        return not_applicable("no variables are required of its pods (parameter `required`)");
    }
    let mut unknown = None;
    for entry in meant {
        for container in containers(&workload, entry) {
            for name in &entry.names {
                match source(input, &container, name) {
                    Found::There => {}
                    Found::Unknown(reason) => unknown = Some(reason),
                    Found::Missing => {
                        let place = container.get("env");
                        let place = if place.exists() { place } else { container.get("name") };
                        let message = format!("{} does not get the variable `{name}`", container.described());
                        findings.report(Code::Missing, &place, message);
                    }
                }
            }
        }
    }
    match unknown.filter(|_| findings.is_empty()) {
        Some(reason) => not_evaluated(reason),
        None => Ok(()),
    }
}

/// The main containers that an entry means.
fn containers<'d>(workload: &Workload<'d>, entry: &Requirement) -> Vec<Container<'d>> {
    let mut containers: Vec<Container<'d>> = workload.main_containers().collect();
    if entry.containers.is_empty() {
        let default = workload.pod.at("metadata.annotations").get("kubectl.kubernetes.io/default-container");
        let at = containers.iter().position(|container| container.name() == default.text()).unwrap_or(0);
        return containers.into_iter().skip(at).take(1).collect();
    }
    let is_named = |container: &Container<'_>| {
        let matches = |glob: &String| glob_match(glob, container.name()) || glob_match(glob, container.image());
        entry.containers.iter().any(matches)
    };
    containers.retain(is_named);
    containers
}

enum Found {
    There,
    Missing,
    Unknown(String),
}

/// Whether a container gets a variable.
fn source(input: &Input<'_, Parameters>, container: &Container<'_>, name: &str) -> Found {
    let sources = config::of_container(container);
    if container.variable(name).is_some() {
        let is_optional = |source: &config::Source<'_>| {
            source.is_optional && matches!(&source.taker, Taker::Variable(_, entry) if entry.get("name").text() == name)
        };
        return match sources.iter().any(is_optional) {
            true => Found::Unknown(format!("the reference that `{name}` takes its value from is optional")),
            false => Found::There,
        };
    }
    let mut found = Found::Missing;
    for source in &sources {
        let Taker::Environment(_, entry) = &source.taker else { continue };
        let Some(key) = name.strip_prefix(entry.get("prefix").text()) else { continue };
        let called = format!("the {} `{}`", source.holder.kind(), source.name.text());
        match config::keys(input, source.holder, source.name.text()).have(key) {
            Some(true) if !source.is_optional => return Found::There,
            Some(true) => found = Found::Unknown(format!("`{name}` comes from {called}, which is optional")),
            Some(false) => {}
            None => found = Found::Unknown(format!("`{name}` may come from {called}, of which the keys are not known")),
        }
    }
    found
}
