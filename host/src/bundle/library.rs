//! Where rules come from: the pack embedded in the binary, component files, directories of them.

use crate::engine::{Compiled, Engine, EngineError, LoadedRule, inspect, read_component};
use crate::manifest::Manifest;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// What is embedded in the binary: the shipped bundles and every rule, compiled.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Pack<'a> {
    /// File name without extension, and text, of each shipped bundle.
    #[serde(borrow)]
    pub bundles: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The rules, by id.
    #[serde(borrow)]
    pub rules: Vec<PackedRule<'a>>,
}

/// One rule of a [`Pack`].
#[derive(Debug, Serialize, Deserialize)]
pub struct PackedRule<'a> {
    /// `sha256:…` of the component.
    #[serde(borrow)]
    pub digest: Cow<'a, str>,
    /// The pack (folder of rules) that it is from.
    #[serde(borrow)]
    pub pack: Cow<'a, str>,
    /// The manifest, JSON.
    pub manifest: &'a [u8],
    /// The component.
    pub component: &'a [u8],
    /// Its machine code.
    pub code: &'a [u8],
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
    /// Two components claim one id.
    #[error("{path}: the rule `{id}` is there twice")]
    Twice {
        /// The second file.
        path: String,
        /// The rule's id.
        id: String,
    },
}

/// A rule that can be loaded when it is first needed.
pub struct RuleSource {
    /// What it is.
    pub manifest: Manifest,
    /// `sha256:…` of its component.
    pub digest: String,
    /// The pack that it is from; empty for a single component.
    pub pack: String,
    component: Cow<'static, [u8]>,
    code: Option<&'static [u8]>,
    loaded: OnceLock<Result<LoadedRule, String>>,
}

impl RuleSource {
    /// Gates a component.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn from_component(component: Vec<u8>, engine: &Engine) -> Result<Self, EngineError> {
        let inspection = inspect(&component, engine.limits())?;
        Ok(Self {
            manifest: inspection.manifest()?,
            digest: inspection.digest,
            pack: String::new(),
            component: component.into(),
            code: None,
            loaded: OnceLock::new(),
        })
    }

    /// A rule of which only the manifest is there.
    #[cfg(test)]
    pub(crate) fn described(manifest: Manifest) -> Self {
        let (digest, pack, component) = (String::new(), String::new(), Cow::Borrowed(&[][..]));
        Self { manifest, digest, pack, component, code: None, loaded: OnceLock::new() }
    }

    /// The rule, ready to run; loaded by the first who asks.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn load(&self, engine: &Engine) -> Result<&LoadedRule, &str> {
        let load = || {
            let compiled = self.code.map_or(Compiled::None, Compiled::Embedded);
            engine
                .load_gated(&self.component, &compiled, self.manifest.clone(), self.digest.clone())
                .map_err(|error| error.to_string())
        };
        self.loaded.get_or_init(load).as_ref().map_err(String::as_str)
    }

    /// The component's bytes.
    pub fn component(&self) -> &[u8] {
        &self.component
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
        for rule in pack.rules {
            let manifest = Manifest::parse(rule.manifest).map_err(|error| embedded(error.to_string()))?;
            let id = manifest.id.clone();
            let source = RuleSource {
                manifest,
                digest: rule.digest.into_owned(),
                pack: rule.pack.into_owned(),
                component: Cow::Borrowed(rule.component),
                code: (!rule.code.is_empty()).then_some(rule.code),
                loaded: OnceLock::new(),
            };
            library.rules.insert(id, Arc::new(source));
        }
        library.bundles = pack.bundles.into_iter().map(|(name, text)| (name.into_owned(), text)).collect();
        Ok(library)
    }

    /// What its rules are called: ids and aliases.
    pub fn names(&self) -> std::collections::BTreeSet<String> {
        let manifests = self.rules.values().map(|rule| &rule.manifest);
        manifests.flat_map(|manifest| manifest.aliases.iter().chain([&manifest.id])).cloned().collect()
    }

    /// Adds a component file.
    ///
    /// # Errors
    /// When it cannot be read, or is refused.
    pub fn add_component(&mut self, path: &Path, engine: &Engine) -> Result<Arc<RuleSource>, LibraryError> {
        let shown = || path.display().to_string();
        let bytes =
            read_component(path, engine.limits()).map_err(|source| LibraryError::Read { path: shown(), source })?;
        let rule = RuleSource::from_component(bytes, engine)
            .map_err(|source| LibraryError::Refused { path: shown(), source })?;
        let rule = Arc::new(rule);
        self.add(Arc::clone(&rule));
        Ok(rule)
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
            let id = self.add_component(&path, engine)?.manifest.id.clone();
            if ids.contains(&id) {
                return Err(LibraryError::Twice { path: path.display().to_string(), id });
            }
            ids.push(id);
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
