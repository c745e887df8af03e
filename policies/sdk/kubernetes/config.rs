//! Where pods take their configuration from: the ConfigMaps and Secrets that they name, and the keys of those.

use super::workload::Container;
use crate::input::{Input, Related};
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The ConfigMaps and Secrets that the subject's pods name, with their keys and without their values, and what
    /// makes such Secrets under their own name. One that names no namespace, as in files for kustomize, is the one of
    /// whatever namespace.
    pub ConfigSources {
        reads: [
            "container.envFrom",
            "container.env[*].name",
            "container.env[*].valueFrom.configMapKeyRef",
            "container.env[*].valueFrom.secretKeyRef",
            "pod.spec.volumes[*].name",
            "pod.spec.volumes[*].configMap",
            "pod.spec.volumes[*].secret",
            "pod.spec.volumes[*].projected.sources",
        ],
        inventory: {
            config_maps: {
                kinds: ["core/ConfigMap"],
                scope: "cluster",
                relation: named {
                    kind: "=ConfigMap",
                    name: [
                        "container.envFrom[*].configMapRef.name",
                        "container.env[*].valueFrom.configMapKeyRef.name",
                        "pod.spec.volumes[*].configMap.name",
                        "pod.spec.volumes[*].projected.sources[*].configMap.name",
                    ],
                },
                // Of a path that goes on below a text only its key is told.
                reads: ["data.*.*", "binaryData.*.*"],
            },
            secrets: {
                kinds: ["core/Secret"],
                scope: "cluster",
                relation: named {
                    kind: "=Secret",
                    name: [
                        "container.envFrom[*].secretRef.name",
                        "container.env[*].valueFrom.secretKeyRef.name",
                        "pod.spec.volumes[*].secret.secretName",
                        "pod.spec.volumes[*].projected.sources[*].secret.name",
                    ],
                },
                reads: ["data.*.*", "stringData.*.*"],
            },
            // A generator may merge keys into what another one, or a file, says.
            config_map_generators: {
                kinds: ["file/Kustomization"],
                scope: "cluster",
                via: "config_maps",
                relation: names { kind: "=ConfigMap", namespace: "namespace", name: "configMapGenerator[*].name" },
                reads: [
                    "configMapGenerator[*].name", "configMapGenerator[*].behavior", "configMapGenerator[*].envs[*]",
                    "configMapGenerator[*].env",
                ],
            },
            secret_generators: {
                kinds: ["file/Kustomization"],
                scope: "cluster",
                via: "secrets",
                relation: names { kind: "=Secret", namespace: "namespace", name: "secretGenerator[*].name" },
                reads: [
                    "secretGenerator[*].name", "secretGenerator[*].behavior", "secretGenerator[*].envs[*]",
                    "secretGenerator[*].env",
                ],
            },
            secret_makers: {
                kinds: ["external-secrets.io/ExternalSecret", "bitnami.com/SealedSecret"],
                scope: "cluster",
                relation: named {
                    name: [
                        "container.envFrom[*].secretRef.name",
                        "container.env[*].valueFrom.secretKeyRef.name",
                        "pod.spec.volumes[*].secret.secretName",
                        "pod.spec.volumes[*].projected.sources[*].secret.name",
                    ],
                },
                reads: [
                    "spec.target.name", "spec.target.creationPolicy", "spec.target.template.data.*.*",
                    "spec.target.template.templateFrom", "spec.target.template.mergePolicy",
                    "spec.data[*].secretKey", "spec.dataFrom",
                    "spec.encryptedData.*.*", "spec.template.data.*.*",
                ],
            },
        },
    }
}

/// What holds configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl Holder {
    /// Its kind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

/// Who takes the configuration.
#[derive(Clone)]
pub enum Taker<'d> {
    /// A variable of a container: the entry of `env`.
    Variable(Container<'d>, View<'d>),
    /// A container's environment: the entry of `envFrom`.
    Environment(Container<'d>, View<'d>),
    /// A volume of the pod.
    Volume(View<'d>),
}

impl Taker<'_> {
    /// How messages call it.
    pub fn described(&self) -> String {
        match self {
            Self::Variable(container, variable) => {
                format!("`{}` of {}", variable.get("name").text(), container.described())
            }
            Self::Environment(container, _) => format!("the environment of {}", container.described()),
            Self::Volume(volume) => format!("the volume `{}`", volume.get("name").text()),
        }
    }
}

/// A reference to a ConfigMap or a Secret.
#[derive(Clone)]
pub struct Source<'d> {
    /// What it refers to.
    pub holder: Holder,
    /// Where it is named.
    pub name: View<'d>,
    /// Where single keys of it are named; none where all of it is taken.
    pub keys: Vec<View<'d>>,
    /// Whether the pod also starts without it.
    pub is_optional: bool,
    /// Who takes it.
    pub taker: Taker<'d>,
}

impl<'d> Source<'d> {
    fn of(reference: &View<'d>, field: &str, holder: Holder, taker: Taker<'d>) -> Option<Self> {
        let name = reference.get(field);
        let key = reference.get("key");
        let items = reference.get("items").items().map(|item| item.get("key"));
        let keys = Some(key).into_iter().chain(items).filter(View::exists).collect();
        let is_optional = reference.get("optional").is_true();
        (!name.text().is_empty()).then_some(Self { holder, name, keys, is_optional, taker })
    }
}

/// The references of the subject's pods: those of variables and environments, container by container, then those of
/// volumes.
pub fn sources<'d, P: Uses<ConfigSources>>(input: &Input<'d, P>) -> Vec<Source<'d>> {
    let workload = input.workload();
    let mut sources = Vec::new();
    for container in workload.containers() {
        sources.extend(of_container(&container));
    }
    for volume in workload.spec().get("volumes").items() {
        sources.extend(of_volume(&volume));
    }
    sources
}

/// The references of a container's variables and environment.
pub fn of_container<'d>(container: &Container<'d>) -> Vec<Source<'d>> {
    let environment = container.get("envFrom").items().flat_map(|entry| {
        [("configMapRef", Holder::ConfigMap), ("secretRef", Holder::Secret)].into_iter().filter_map(
            move |(field, kind)| {
                Source::of(&entry.get(field), "name", kind, Taker::Environment(container.clone(), entry.clone()))
            },
        )
    });
    let variables = container.get("env").items().flat_map(|entry| {
        let from = entry.get("valueFrom");
        [("configMapKeyRef", Holder::ConfigMap), ("secretKeyRef", Holder::Secret)].into_iter().filter_map(
            move |(field, kind)| {
                Source::of(&from.get(field), "name", kind, Taker::Variable(container.clone(), entry.clone()))
            },
        )
    });
    environment.chain(variables).collect()
}

/// The references of a volume.
pub fn of_volume<'d>(volume: &View<'d>) -> Vec<Source<'d>> {
    let taker = || Taker::Volume(volume.clone());
    let projected = volume.at("projected.sources").items().flat_map(|source| {
        [("configMap", Holder::ConfigMap), ("secret", Holder::Secret)]
            .into_iter()
            .filter_map(move |(field, kind)| Source::of(&source.get(field), "name", kind, taker()))
    });
    let own = [
        Source::of(&volume.get("configMap"), "name", Holder::ConfigMap, taker()),
        Source::of(&volume.get("secret"), "secretName", Holder::Secret, taker()),
    ];
    own.into_iter().flatten().chain(projected).collect()
}

/// What is known of the keys of a ConfigMap or Secret.
#[derive(Clone)]
pub enum Keys<'d> {
    /// It is not among the documents, and nothing that makes it.
    Absent,
    /// It is, but what it will hold is not known: it is empty, or filled from a store or by an overlay. The document that
    /// says so.
    Unknown(Related<'d>),
    /// These, with the document that has them.
    Known(Related<'d>, Vec<&'d str>),
}

impl<'d> Keys<'d> {
    /// Whether it has a key; `None` where that is not known.
    pub fn have(&self, key: &str) -> Option<bool> {
        self.known().map(|keys| keys.contains(&key))
    }

    /// The keys, where they are known.
    pub fn known(&self) -> Option<&[&'d str]> {
        match self {
            Self::Known(_, keys) => Some(keys),
            Self::Absent | Self::Unknown(_) => None,
        }
    }
}

/// The keys of a ConfigMap or Secret that the subject names. Where several documents of its name are among the
/// documents, such as a base and what an overlay adds to it, all of their keys.
pub fn keys<'d, P: Uses<ConfigSources>>(input: &Input<'d, P>, holder: Holder, name: &str) -> Keys<'d> {
    let query = if holder == Holder::Secret { "secrets" } else { "config_maps" };
    let generators =
        input.related(if holder == Holder::Secret { "secret_generators" } else { "config_map_generators" });
    if let Some(unknown) = generators.into_iter().find(|it| is_generated_in_part(it, name)) {
        return Keys::Unknown(unknown);
    }
    let own = input.related(query).filter(|it| it.name() == name).map(|it| {
        let keys = ["data", "binaryData", "stringData"].into_iter().flat_map(|field| names(&it.document.get(field)));
        let keys: Vec<&'d str> = keys.collect();
        (it, Some(keys).filter(|keys| !keys.is_empty()))
    });
    let makers = input.related("secret_makers").filter(|it| holder == Holder::Secret && makes(it, name));
    let made = makers.map(|maker| {
        let keys = made(&maker);
        (maker, keys)
    });
    let mut all: Option<(Related<'d>, Vec<&'d str>)> = None;
    for (document, keys) in own.chain(made) {
        let Some(keys) = keys else { return Keys::Unknown(document) };
        match &mut all {
            Some((_, all)) => all.extend(keys),
            None => all = Some((document, keys)),
        }
    }
    all.map_or(Keys::Absent, |(document, keys)| Keys::Known(document, keys))
}

/// Whether a kustomization generates an object of a name of which it does not say all keys: it merges some into those of
/// another one, or takes them from a file of variables.
fn is_generated_in_part(kustomization: &Related<'_>, name: &str) -> bool {
    let lists = ["configMapGenerator", "secretGenerator"].map(|list| kustomization.document.get(list));
    let mut generators = lists.iter().flat_map(View::items).filter(|generator| generator.get("name").text() == name);
    generators.any(|generator| {
        generator.get("behavior").text() == "merge"
            || !generator.get("envs").is_empty()
            || generator.get("env").exists()
    })
}

fn names<'d>(map: &View<'d>) -> Vec<&'d str> {
    map.entries().map(|(key, _)| key).collect()
}

/// Whether an ExternalSecret or SealedSecret of that name makes the Secret of that name.
fn makes(maker: &Related<'_>, name: &str) -> bool {
    let target = maker.document.at("spec.target.name");
    if target.text().is_empty() { maker.name() == name } else { target.text() == name }
}

/// The keys that an ExternalSecret or SealedSecret writes; `None` where that is not known.
fn made<'d>(maker: &Related<'d>) -> Option<Vec<&'d str>> {
    let spec = maker.document.get("spec");
    if maker.kind() == "SealedSecret" {
        let fields = [spec.get("encryptedData"), spec.at("template.data")];
        return Some(fields.iter().flat_map(names).collect());
    }
    let (target, template) = (spec.get("target"), spec.at("target.template"));
    let is_whole = matches!(target.get("creationPolicy").text(), "" | "Owner" | "Orphan");
    if !is_whole || !spec.get("dataFrom").is_empty() || !template.get("templateFrom").is_empty() {
        return None;
    }
    let stored = || spec.get("data").items().map(|entry| entry.get("secretKey").text()).collect();
    let written = names(&template.get("data"));
    match template.get("mergePolicy").text() {
        _ if written.is_empty() => Some(stored()),
        "Merge" => Some(stored().into_iter().chain(written).collect()),
        _ => Some(written),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;
    use crate::uses::Usable;

    const POD: &str = r#"{"pod":{"spec":{
        "containers":[{"name":"cart",
            "envFrom":[{"prefix":"A_","secretRef":{"name":"all","optional":true}}],
            "env":[{"name":"MODE","valueFrom":{"configMapKeyRef":{"name":"app","key":"mode"}}},{"name":"X","value":"1"}]}],
        "volumes":[{"name":"a","emptyDir":{}},
            {"name":"b","secret":{"secretName":"tls","items":[{"key":"tls.crt"},{"key":"tls.key"}]}},
            {"name":"c","projected":{"sources":[{"configMap":{"name":"ca"}},{"serviceAccountToken":{}}]}}]}}}"#;

    #[test]
    fn references_are_told_with_their_places() {
        look("shop", POD, &[], &[], |input| {
            let told = sources(input).into_iter().map(|source| {
                let keys: Vec<&str> = source.keys.iter().map(View::text).collect();
                format!(
                    "{} {} {} {} {}",
                    source.holder.kind(),
                    source.name.text(),
                    keys.join("+"),
                    source.is_optional,
                    source.taker.described()
                )
            });
            let expected = [
                "Secret all  true the environment of container `cart`",
                "ConfigMap app mode false `MODE` of container `cart`",
                "Secret tls tls.crt+tls.key false the volume `b`",
                "ConfigMap ca  false the volume `c`",
            ];
            assert_eq!(told.collect::<Vec<_>>(), expected);
        });
    }

    fn keys_of(config_maps: &str, secrets: &str, makers: &str, holder: Holder) -> Option<String> {
        let answers = [config_maps, secrets, "", "", makers].map(|answer| format!("[{answer}]"));
        let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
        look("shop", "{}", ConfigSources::QUERIES, &answers, |input| match keys(input, holder, "app") {
            Keys::Absent => None,
            Keys::Unknown(it) => Some(format!("{}?", it.kind())),
            Keys::Known(_, keys) => Some(keys.join(",")),
        })
    }

    fn document(kind: &str, name: &str, document: &str) -> String {
        format!(r#"{{"subject":{{"kind":"{kind}","name":"{name}"}},"document":{document}}}"#)
    }

    #[test]
    fn keys_are_those_of_all_documents_of_the_name() {
        let map = |name: &str, data: &str| document("ConfigMap", name, &format!(r#"{{"data":{data}}}"#));
        let both = [map("app", r#"{"a":null,"b:yaml":null}"#), map("app", r#"{"c":null}"#)].join(",");
        let of = |maps: &str| keys_of(maps, "", "", Holder::ConfigMap);
        assert_eq!(of(&both).as_deref(), Some("a,c"));
        assert_eq!(of(&map("other", r#"{"a":null}"#)), None);
        assert_eq!(of(&map("app", "{}")).as_deref(), Some("ConfigMap?"));
        assert_eq!(keys_of(&both, "", "", Holder::Secret), None);
    }

    #[test]
    fn what_a_generator_merges_or_reads_from_a_file_is_not_known() {
        let map = document("ConfigMap", "app", r#"{"data":{"a":null}}"#);
        let of = |generator: &str| {
            let kustomization =
                format!(r#"{{"configMapGenerator":[{{"name":"app"{generator}}},{{"name":"b","env":"x"}}]}}"#);
            let generators = document("Kustomization", "kustomization.yaml", &kustomization);
            let answers = [&map, "", &generators].map(|answer| format!("[{answer}]"));
            let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
            look("shop", "{}", ConfigSources::QUERIES, &answers, |input| {
                keys(input, Holder::ConfigMap, "app").known().map(|keys| keys.join(","))
            })
        };
        assert_eq!(of("").as_deref(), Some("a"));
        assert_eq!(of(r#","behavior":"merge""#), None);
        assert_eq!(of(r#","envs":["app.env"]"#), None);
        assert_eq!(of(r#","env":"app.env""#), None);
    }

    #[test]
    fn keys_of_secrets_are_also_those_of_their_makers() {
        let of = |kind: &str, spec: &str| {
            let maker = document(kind, "app", &format!(r#"{{"spec":{spec}}}"#));
            keys_of("", "", &maker, Holder::Secret)
        };
        let external = |spec: &str| of("ExternalSecret", spec);
        assert_eq!(external(r#"{"data":[{"secretKey":"a"},{"secretKey":"b"}]}"#).as_deref(), Some("a,b"));
        assert_eq!(external(r#"{"dataFrom":[{}]}"#).as_deref(), Some("ExternalSecret?"));
        assert_eq!(external(r#"{"target":{"creationPolicy":"Merge"}}"#).as_deref(), Some("ExternalSecret?"));
        assert_eq!(external(r#"{"target":{"name":"other"},"data":[{"secretKey":"a"}]}"#), None);
        let template = |policy: &str| {
            let target = format!(r#""target":{{"template":{{"data":{{"url":null}},"mergePolicy":"{policy}"}}}}"#);
            external(&format!(r#"{{"data":[{{"secretKey":"a"}}],{target}}}"#))
        };
        assert_eq!(template("Replace").as_deref(), Some("url"));
        assert_eq!(template("Merge").as_deref(), Some("a,url"));
        assert_eq!(of("SealedSecret", r#"{"encryptedData":{"a":null}}"#).as_deref(), Some("a"));
    }
}
