use policy_sdk::kubernetes::config::{self, ConfigSources, Holder, Keys, Source};
use policy_sdk::parameter::list;
use policy_sdk::prelude::*;
use policy_sdk::values::image::glob_match;

policy_sdk::rule! {
    /// ConfigMaps and Secrets that pods need are there, with the keys that they take
    ///
    /// Each key that a variable (`configMapKeyRef`, `secretKeyRef`) or a volume (`items`) takes is a key of the ConfigMap or
    /// Secret of that name, as far as its keys are known: those of the object itself, of a generator of kustomize, and of
    /// the ExternalSecret or SealedSecret that makes it. Each ConfigMap that is referred to is deployed with the pod; for
    /// Secrets, which are often made by hand or by an operator, that is only asked with `secrets: all`.
    ///
    /// What is `optional: true` passes, and so do names in `ignore`.
    ///
    /// ## Why
    /// A container whose ConfigMap, Secret or key is missing does not start: it stays in `CreateContainerConfigError`, or
    /// in `ContainerCreating` for a volume. A rollout hangs, and a pod that moves to another node does not come back.
    ///
    /// ## Fix
    /// Correct the name or the key, or add what is missing to the ConfigMap. Where the pod can do without it, say so:
    /// `configMapKeyRef: {name: app, key: mode, optional: true}`.
    findings: {
        /// The object is there and has no such key
        Key: High, Certain;
        /// No ConfigMap of that name is deployed with the pod
        ConfigMap: High, Likely, absence: ["config_maps"];
        /// No Secret of that name is deployed with the pod, and all are expected to be
        Secret: High, Likely, absence: ["secrets"];
    },
    priority: P1,
    effort: Small,
    factor: Config,
    peers: ["KL:env-value-from"],
    since: "0.1.0",
    applies_to: ["workload"],
    uses: [ConfigSources],
    inventory: {
        // A query for each path, since the names of all of them are no one key; those of other containers name the same.
        mounted_elsewhere: {
            kinds: ["core/ConfigMap"],
            scope: "cluster",
            relation: same { there: "metadata.name", here: "pod.spec.volumes[*].configMap.name" },
            reads: [],
        },
        projected_elsewhere: {
            kinds: ["core/ConfigMap"],
            scope: "cluster",
            relation: same {
                there: "metadata.name",
                here: "pod.spec.volumes[*].projected.sources[*].configMap.name",
            },
            reads: [],
        },
        environment_elsewhere: {
            kinds: ["core/ConfigMap"],
            scope: "cluster",
            relation: same { there: "metadata.name", here: "main_container.envFrom[*].configMapRef.name" },
            reads: [],
        },
        variable_elsewhere: {
            kinds: ["core/ConfigMap"],
            scope: "cluster",
            relation: same { there: "metadata.name", here: "main_container.env[*].valueFrom.configMapKeyRef.name" },
            reads: [],
        },
    },
    parameters: {
        /// Which Secrets have to be there: those of which something is known, or all.
        secrets: Secrets = Secrets::Known,
        /// Names, as globs, of what the cluster or an operator provides.
        ignore: Vec<String> = list([
            "kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert", "linkerd-identity-trust-roots",
            "*-token-?????",
        ]),
    },
}

policy_sdk::choice! {
    /// Which Secrets have to be among the documents.
    pub Secrets { Known = "known", All = "all" }
}

fn check(input: &Input<'_, Parameters>, findings: &mut Findings) -> Check {
    let Parameters { secrets, ignore } = &input.parameters;
    let sources = config::sources(input);
    if sources.is_empty() {
        return not_applicable("its pods name no ConfigMap and no Secret");
    }
    let is_needed =
        |source: &&Source<'_>| !source.is_optional && !ignore.iter().any(|glob| glob_match(glob, source.name.text()));
    let needed: Vec<&Source<'_>> = sources.iter().filter(is_needed).collect();
    let mut unknown = None;
    let mut told: Vec<(Holder, &str, &str)> = Vec::new();
    for source in &needed {
        let (holder, name) = (source.holder, source.name.text());
        let mut is_new = |key| {
            let is_new = !told.contains(&(holder, name, key));
            told.push((holder, name, key));
            is_new
        };
        let called = format!("the {} `{name}`", holder.kind());
        match config::keys(input, holder, name) {
            Keys::Known(document, keys) => {
                for key in source.keys.iter().filter(|key| !keys.contains(&key.text())) {
                    let text = key.text();
                    if is_new(text) {
                        let message = format!("{called} has no key `{text}`, which {} takes", source.taker.described());
                        let label = format!("it has {}", listed_keys(&keys));
                        findings.report(Code::Key, key, message).label_in(&document, &held(&document), label);
                    }
                }
            }
            Keys::Unknown(_) if source.keys.is_empty() => {}
            Keys::Unknown(_) => unknown = Some(format!("the keys of {called} are not known")),
            Keys::Absent if holder == Holder::Secret && *secrets == Secrets::Known => {
                unknown = Some(format!("{called} is not among the documents"));
            }
            Keys::Absent if is_new("") => {
                let elsewhere = elsewhere(input, name).filter(|_| holder == Holder::ConfigMap);
                // Without a namespace the pods may be deployed to that one.
                if elsewhere.is_some() && input.subject.namespace.is_empty() {
                    unknown = Some(format!("in which namespace the pods and {called} are is not known"));
                    continue;
                }
                let code = if holder == Holder::Secret { Code::Secret } else { Code::ConfigMap };
                let taker = source.taker.described();
                let message = match &elsewhere {
                    Some(other) => {
                        format!("{called}, which {taker} takes, is in the namespace `{}`", other.namespace())
                    }
                    None => format!("{called}, which {taker} takes, is not deployed with it"),
                };
                findings.report(code, &source.name, message);
            }
            Keys::Absent => {}
        }
    }
    match unknown.filter(|_| findings.is_empty()) {
        Some(reason) => not_evaluated(reason),
        None => Ok(()),
    }
}

/// A ConfigMap of a name in another namespace.
fn elsewhere<'d>(input: &Input<'d, Parameters>, name: &str) -> Option<Related<'d>> {
    let queries = ["mounted_elsewhere", "projected_elsewhere", "environment_elsewhere", "variable_elsewhere"];
    queries.into_iter().flat_map(|query| input.related(query)).find(|other| other.name() == name)
}

/// Where the keys of a ConfigMap or Secret, or of what makes it, stand.
fn held<'d>(document: &Related<'d>) -> View<'d> {
    let fields = ["data", "stringData", "binaryData", "spec"].map(|field| document.document.get(field));
    fields.iter().find(|field| field.exists()).unwrap_or(&document.document).clone()
}

/// Keys for a label: at most five, and the count of the others.
fn listed_keys(keys: &[&str]) -> String {
    const NAMED: usize = 5;
    let named: Vec<String> = keys.iter().take(NAMED).map(|key| format!("`{key}`")).collect();
    match keys.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
