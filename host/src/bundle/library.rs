//! Where rules come from: the pack embedded in the binary, component files, directories of them.

use super::packed::Packed;
use crate::engine::{Engine, EngineError, LoadedComponent, inspect, read_component};
use crate::manifest::Manifest;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// What is embedded in the binary: the shipped bundles and every component, compiled.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Pack<'a> {
    /// File name without extension, and text, of each shipped bundle.
    #[serde(borrow)]
    pub bundles: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The components, by name.
    #[serde(borrow)]
    pub components: Vec<PackedComponent<'a>>,
}

/// One component of a [`Pack`].
#[derive(Debug, Serialize, Deserialize)]
pub struct PackedComponent<'a> {
    /// `sha256:…` of the component.
    #[serde(borrow)]
    pub digest: Cow<'a, str>,
    /// The folder of rules that it was built from.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// The manifests of its rules, a JSON array.
    pub manifests: &'a [u8],
    /// The component.
    pub component: Packed<'a>,
    /// Its machine code.
    pub code: Packed<'a>,
}

/// Why rules could not be found or loaded.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The component was refused.
    #[error("{path} is refused: {source}")]
    Refused {
        /// The file.
        path: String,
        /// Why.
        source: EngineError,
    },
    /// The embedded pack is unreadable: a fault of the build.
    #[error("the rules embedded in this binary are unreadable: {0}")]
    Embedded(String),
    /// A former id stands for two rules.
    #[error("`{name}` is the name, or was, of the rules `{one}` and `{other}`")]
    Name {
        /// The name.
        name: String,
        /// One rule's id.
        one: String,
        /// The other's.
        other: String,
    },
    /// Two components claim one id.
    #[error("{path}: the rule `{id}` is there twice")]
    Twice {
        /// The second file.
        path: String,
        /// The rule's id.
        id: String,
    },
}

/// Checks that no former id of one of the rules is the id, or a former one, of another.
///
/// # Errors
/// Names the first that stands for two rules.
pub fn unique_names<'m>(manifests: impl Iterator<Item = &'m Manifest>) -> Result<(), LibraryError> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for manifest in manifests {
        for name in manifest.renamed_from.iter().chain([&manifest.id]) {
            if let Some(other) = names.insert(name, &manifest.id).filter(|other| *other != manifest.id) {
                let (name, one, other) = (name.clone(), other.to_owned(), manifest.id.clone());
                return Err(LibraryError::Name { name, one, other });
            }
        }
    }
    Ok(())
}

/// A component, loaded when one of its rules is first needed.
pub struct ComponentSource {
    /// `sha256:…` of its bytes.
    pub digest: String,
    /// The folder of rules that it was built from; empty for a component from elsewhere.
    pub name: String,
    /// What its rules are, by their position.
    pub manifests: Vec<Arc<Manifest>>,
    bytes: Stored,
    code: Option<Packed<'static>>,
    loaded: OnceLock<Result<LoadedComponent, String>>,
}

/// A component's bytes.
enum Stored {
    Plain(Vec<u8>),
    Packed(Packed<'static>, OnceLock<Vec<u8>>),
}

impl ComponentSource {
    /// The component, ready to run; loaded by the first who asks.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn load(&self, engine: &Engine) -> Result<&LoadedComponent, &str> {
        let load = || {
            if let Some(code) = &self.code {
                return engine.load_embedded(&code.unpack(), || self.bytes(), &self.digest);
            }
            engine.load(self.bytes(), &self.digest)
        };
        let loaded = self.loaded.get_or_init(|| load().map_err(|error| error.to_string()));
        loaded.as_ref().map_err(String::as_str)
    }

    /// The component's bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Stored::Plain(bytes) => bytes,
            Stored::Packed(packed, unpacked) => unpacked.get_or_init(|| packed.unpack()),
        }
    }
}

/// A rule: its manifest, and the component that it is part of.
pub struct RuleSource {
    /// What it is.
    pub manifest: Arc<Manifest>,
    /// The component.
    pub component: Arc<ComponentSource>,
    /// Its position among the component's rules.
    pub position: u32,
}

impl RuleSource {
    /// Gates a component, and gives its rules.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn from_component(component: Vec<u8>, engine: &Engine) -> Result<Vec<Arc<Self>>, EngineError> {
        let inspection = inspect(&component, engine.limits())?;
        let manifests = inspection.manifests()?;
        let component = ComponentSource {
            digest: inspection.digest,
            name: String::new(),
            manifests: manifests.into_iter().map(Arc::new).collect(),
            bytes: Stored::Plain(component),
            code: None,
            loaded: OnceLock::new(),
        };
        Ok(Self::of(Arc::new(component)))
    }

    /// All rules of a rule's component, itself among them.
    pub fn siblings(rule: &Self) -> Vec<Arc<Self>> {
        Self::of(Arc::clone(&rule.component))
    }

    /// The rules of a component.
    fn of(component: Arc<ComponentSource>) -> Vec<Arc<Self>> {
        let rule = |(position, manifest): (usize, &Arc<Manifest>)| {
            let (manifest, component) = (Arc::clone(manifest), Arc::clone(&component));
            Arc::new(Self { manifest, component, position: position as u32 })
        };
        component.manifests.iter().enumerate().map(rule).collect()
    }

    /// A rule of which only the manifest is there.
    #[cfg(test)]
    pub(crate) fn described(manifest: Manifest) -> Self {
        let component = ComponentSource {
            digest: String::new(),
            name: String::new(),
            manifests: Vec::new(),
            bytes: Stored::Plain(Vec::new()),
            code: None,
            loaded: OnceLock::new(),
        };
        Self { manifest: Arc::new(manifest), component: Arc::new(component), position: 0 }
    }
}

/// The rules and bundles at hand, by name.
#[derive(Default, Clone)]
pub struct Library {
    rules: BTreeMap<String, Arc<RuleSource>>,
    bundles: BTreeMap<String, Cow<'static, str>>,
}

impl Library {
    /// The library that the binary carries.
    ///
    /// # Errors
    /// When the build embedded something unreadable.
    pub fn embedded(pack: &'static [u8]) -> Result<Self, LibraryError> {
        if pack.is_empty() {
            return Ok(Self::default());
        }
        let embedded = |error: String| LibraryError::Embedded(error);
        let pack: Pack<'static> = postcard::from_bytes(pack).map_err(|error| embedded(error.to_string()))?;
        let mut library = Self::default();
        let manifests: Vec<_> =
            pack.components.par_iter().map(|component| Manifest::read_embedded(component.manifests)).collect();
        for (component, manifests) in pack.components.into_iter().zip(manifests) {
            let manifests = manifests.map_err(|error| embedded(error.to_string()))?;
            let source = ComponentSource {
                digest: component.digest.into_owned(),
                name: component.name.into_owned(),
                manifests: manifests.into_iter().map(Arc::new).collect(),
                bytes: Stored::Packed(component.component, OnceLock::new()),
                code: (!component.code.is_empty()).then_some(component.code),
                loaded: OnceLock::new(),
            };
            for rule in RuleSource::of(Arc::new(source)) {
                library.add(rule);
            }
        }
        library.bundles = pack.bundles.into_iter().map(|(name, text)| (name.into_owned(), text)).collect();
        Ok(library)
    }

    /// What its rules are called: ids, and those that they had before.
    pub fn names(&self) -> std::collections::BTreeSet<String> {
        let manifests = self.rules.values().map(|rule| &rule.manifest);
        manifests.flat_map(|manifest| manifest.renamed_from.iter().chain([&manifest.id])).cloned().collect()
    }

    /// Adds the rules of a component file, and gives them.
    ///
    /// # Errors
    /// When it cannot be read, or is refused.
    pub fn add_component(&mut self, path: &Path, engine: &Engine) -> Result<Vec<Arc<RuleSource>>, LibraryError> {
        let shown = || path.display().to_string();
        let bytes =
            read_component(path, engine.limits()).map_err(|source| LibraryError::Read { path: shown(), source })?;
        let rules = RuleSource::from_component(bytes, engine)
            .map_err(|source| LibraryError::Refused { path: shown(), source })?;
        for rule in &rules {
            self.add(Arc::clone(rule));
        }
        Ok(rules)
    }

    /// Adds a rule, replacing another of its id.
    pub fn add(&mut self, rule: Arc<RuleSource>) {
        self.rules.insert(rule.manifest.id.clone(), rule);
    }

    /// Adds every `*.wasm` of a directory, in the order of their names, and gives their ids.
    ///
    /// # Errors
    /// When one cannot be read or is refused, or two have one id.
    pub fn add_directory(&mut self, directory: &Path, engine: &Engine) -> Result<Vec<String>, LibraryError> {
        let read = |source| LibraryError::Read { path: directory.display().to_string(), source };
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(read)? {
            let path = entry.map_err(read)?.path();
            if path.extension().is_some_and(|extension| extension == "wasm") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut ids = Vec::new();
        for path in paths {
            for rule in self.add_component(&path, engine)? {
                let id = rule.manifest.id.clone();
                if ids.contains(&id) {
                    return Err(LibraryError::Twice { path: path.display().to_string(), id });
                }
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// A rule by id.
    pub fn rule(&self, id: &str) -> Option<&Arc<RuleSource>> {
        self.rules.get(id)
    }

    /// Every rule, by id.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<RuleSource>> {
        self.rules.values()
    }

    /// The text of a shipped bundle.
    pub fn bundle(&self, name: &str) -> Option<&str> {
        self.bundles.get(name).map(Cow::as_ref)
    }

    /// The names of the shipped bundles.
    pub fn bundle_names(&self) -> impl Iterator<Item = &str> {
        self.bundles.keys().map(String::as_str)
    }
}
