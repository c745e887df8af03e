//! From a resolved bundle to the bytes of its artifacts. The same bundle gives the same bytes, whenever and wherever.

use super::super::error::OciError;
use super::super::layout::Contents;
use super::super::limits;
use super::super::model::{Descriptor, EMPTY_JSON, Index, Manifest, annotation, media};
use super::{component, provenance, sbom};
use crate::bundle::{Bundle, ComponentSource, LibraryError, RuleSource};
use crate::digest::Digest;
use crate::integrate::{self, File, Options, Purpose};
use crate::visible::Visible;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a bundle is built from.
pub struct Recipe<'r> {
    /// The bundle, resolved.
    pub bundle: &'r Bundle,
    /// Its definition, as it was written.
    pub definition: String,
    /// Every rule that the definition names, also those that it switches off.
    pub rules: Vec<Arc<RuleSource>>,
    /// The time that is written into it, RFC 3339; 1970 without one, so that it says nothing of when it was built.
    pub created: Option<String>,
}

/// A bundle, built: all that its index leads to, in memory.
pub struct Built {
    /// The index.
    pub root: Descriptor,
    /// Manifests and blobs.
    pub contents: BTreeMap<Digest, Vec<u8>>,
}

impl Contents for Built {
    fn content(&self, digest: Digest, _limit: u64) -> Result<Vec<u8>, OciError> {
        self.contents.get(&digest).cloned().ok_or_else(|| OciError::Missing(digest.to_string()))
    }
}

/// What `SOURCE_DATE_EPOCH` says, RFC 3339.
///
/// # Errors
/// When it is set and is no number of seconds.
pub fn created_from_environment(value: Option<&str>) -> Result<Option<String>, OciError> {
    let Some(value) = value else { return Ok(None) };
    let second = value.parse().ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let wrong =
        || OciError::Refused(format!("SOURCE_DATE_EPOCH is `{}`, which is no number of seconds", Visible(value)));
    Ok(Some(second.ok_or_else(wrong)?.to_string()))
}

impl Recipe<'_> {
    /// Builds the artifacts.
    ///
    /// # Errors
    /// When the bundle exceeds a bound.
    pub fn build(&self) -> Result<Built, OciError> {
        let definition = self.definition.as_bytes();
        let what = || format!("the bundle `{}`", self.bundle.name);
        for (actual, unit, limit) in [
            (definition.len() as u64, "bytes of definition", limits::DEFINITION_BYTES),
            (self.components().len() as u64, "components", limits::COMPONENTS as u64),
        ] {
            if actual > limit {
                return Err(OciError::TooMuch { what: what(), actual, unit, limit });
            }
        }
        let mut making = Making::default();
        let created = self.created.as_deref().unwrap_or("1970-01-01T00:00:00Z");
        let mut children = vec![self.definition(&mut making, created)];
        children.extend(self.engines(&mut making)?);
        for source in self.components() {
            let refused = |error| LibraryError::Refused { path: source.digest.clone(), source: error };
            let component = component::component(source, created).map_err(refused)?;
            making.add(component.config);
            making.add(component.manifest);
            making.add(source.bytes().to_vec());
            children.push(component.descriptor);
        }
        let mut index = Index::new(children);
        index.annotations = self.annotations();
        index.annotations.insert(annotation::KIND.to_owned(), media::BUNDLE.to_owned());
        let index = index.to_bytes();
        let root = Descriptor::of(media::INDEX, &index);
        making.add(index);
        Ok(Built { root, contents: making.contents })
    }

    /// The components of the rules, each once.
    fn components(&self) -> Vec<&ComponentSource> {
        let mut components: Vec<&ComponentSource> = Vec::new();
        for rule in &self.rules {
            if !components.iter().any(|known| known.digest == rule.component.digest) {
                components.push(&rule.component);
            }
        }
        components
    }

    fn annotations(&self) -> BTreeMap<String, String> {
        let bundle = self.bundle;
        let said = [
            (annotation::BUNDLE, Some(bundle.name.as_str())),
            (annotation::TITLE, Some(bundle.name.as_str())),
            (annotation::VERSION, Some(bundle.version.as_str())),
            (annotation::DESCRIPTION, Some(bundle.description.as_str())),
            (annotation::CREATED, self.created.as_deref()),
        ];
        let said = said.into_iter().filter_map(|(key, value)| Some((key, value.filter(|value| !value.is_empty())?)));
        said.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn definition(&self, making: &mut Making, created: &str) -> Descriptor {
        let (name, version) = (&self.bundle.name, &self.bundle.version);
        let definition = self.definition.clone().into_bytes();
        let sbom = sbom::sbom(name, version, created, &self.components());
        let provenance = provenance::provenance(name, version, &definition, &self.components());
        // None has a title: what unpacks everything that has one, as gator does, would take it for its own.
        let layers = vec![
            making.layer(media::DEFINITION, definition),
            making.layer(media::SPDX, sbom),
            making.layer(media::IN_TOTO, provenance),
        ];
        let mut manifest = Manifest::new(making.empty(), layers);
        manifest.artifact_type = Some(media::BUNDLE.to_owned());
        manifest.annotations = self.annotations();
        making.manifest(&manifest)
    }

    /// For Gatekeeper and Kyverno, each a manifest of its own: gator unpacks every layer with a title, and Kyverno
    /// takes no configuration but its own. A bundle that checks no objects of Kubernetes has none.
    fn engines(&self, making: &mut Making) -> Result<Vec<Descriptor>, OciError> {
        let options = Options { digest: false, ..Options::default() };
        let files = integrate::gatekeeper(self.bundle, &options)
            .and_then(|gatekeeper| Ok((gatekeeper, integrate::kyverno(self.bundle, &options)?)));
        let (gatekeeper, kyverno) = match files {
            Ok(files) => files,
            Err(_) => return Ok(Vec::new()),
        };
        Ok(vec![self.gatekeeper(making, &gatekeeper), self.kyverno(making, &kyverno)])
    }

    /// gator has no provider to ask, so that it gets the template with the stand-in.
    fn gatekeeper(&self, making: &mut Making, files: &[File]) -> Descriptor {
        let mut layers = Vec::new();
        for file in files {
            let Some(name) = file.path.strip_prefix("gator/") else { continue };
            if name == "template.yaml" || name.starts_with("constraint") {
                let layer = making.layer(media::YAML, file.text.clone().into_bytes());
                layers.push(layer.with(annotation::TITLE, name));
            }
        }
        layers.push(making.layer(media::APPLY, applied(files)));
        let mut manifest = Manifest::new(making.empty(), layers);
        manifest.artifact_type = Some(media::GATEKEEPER.to_owned());
        manifest.annotations = self.annotations();
        making.manifest(&manifest)
    }

    fn kyverno(&self, making: &mut Making, files: &[File]) -> Descriptor {
        let mut layers = Vec::new();
        for file in files.iter().filter(|file| file.path == "cluster-policy.yaml") {
            let layer = making.layer(media::KYVERNO_POLICY, file.text.clone().into_bytes());
            layers.push(
                layer
                    .with("io.kyverno.image.kind", "ClusterPolicy")
                    .with("io.kyverno.image.name", format!("policy-host-{}-cluster", self.bundle.name))
                    .with("io.kyverno.image.apiVersion", "kyverno.io/v1"),
            );
        }
        layers.push(making.layer(media::APPLY, applied(files)));
        let config = making.layer(media::KYVERNO_CONFIG, EMPTY_JSON.to_vec());
        let mut manifest = Manifest::new(config, layers);
        manifest.annotations = self.annotations();
        making.manifest(&manifest)
    }
}

/// What is to be applied, in one stream.
fn applied(files: &[File]) -> Vec<u8> {
    let applied: Vec<&str> =
        files.iter().filter(|file| file.purpose == Purpose::Apply).map(|file| file.text.as_str()).collect();
    applied.join("---\n").into_bytes()
}

/// What was made so far.
#[derive(Default)]
struct Making {
    contents: BTreeMap<Digest, Vec<u8>>,
}

impl Making {
    fn add(&mut self, bytes: Vec<u8>) {
        self.contents.insert(Digest::of(&bytes), bytes);
    }

    fn layer(&mut self, media_type: &str, bytes: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::of(media_type, &bytes);
        self.add(bytes);
        descriptor
    }

    fn empty(&mut self) -> Descriptor {
        self.layer(media::EMPTY, EMPTY_JSON.to_vec())
    }

    fn manifest(&mut self, manifest: &Manifest) -> Descriptor {
        let descriptor = self.layer(media::MANIFEST, manifest.to_bytes());
        let named = manifest.annotations.get(annotation::BUNDLE).cloned().unwrap_or_default();
        descriptor.with(annotation::KIND, manifest.kind()).with(annotation::BUNDLE, named)
    }
}
