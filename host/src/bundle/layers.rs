//! A bundle file and what it extends.

use super::definition::Definition;
use super::library::{Library, LibraryError};
use super::resolve::BundleError;
use crate::document::Pointer;
use crate::located::Located;
use std::path::{Path, PathBuf};

/// Bytes of a bundle file: as many as a definition in a registry may have.
const MAX_DEFINITION_BYTES: usize = crate::oci::limits::DEFINITION_BYTES as usize;
/// Bundles that extend one another, one behind the other.
const MAX_LAYERS: usize = 8;

/// One definition.
pub struct Layer {
    /// What it says.
    pub located: Located<Definition>,
    /// The file that it was read from; none for a shipped bundle.
    pub file: Option<PathBuf>,
}

/// The definitions that make a bundle: each extends the one before it, and the last is the bundle's own.
pub struct Layers(Vec<Layer>);

impl Layers {
    /// Reads a bundle by the name of a shipped one, or the path of a file or directory, and what it extends. A directory
    /// of components has no definition.
    ///
    /// # Errors
    /// Names the place in the bundle file.
    pub fn open(reference: &str, library: &Library) -> Result<Option<Self>, BundleError> {
        let Some(own) = Layer::open(reference, library)? else { return Ok(None) };
        Self::of(own, library).map(Some)
    }

    /// A bundle's own definition and what it extends.
    ///
    /// # Errors
    /// Names the place in the bundle file.
    pub(super) fn of(own: Layer, library: &Library) -> Result<Self, BundleError> {
        let mut layers = vec![own];
        while let Some(above) = layers.last().and_then(|layer| layer.located.value.extends.clone()) {
            let refused = |message: String| {
                let at: Pointer = ["extends"].into_iter().collect();
                layers[layers.len() - 1].located.error(&at, message)
            };
            let directory = layers[layers.len() - 1].file.as_deref().and_then(Path::parent);
            let reference = match directory.filter(|_| library.bundle(&above).is_none()) {
                Some(directory) => directory.join(&above).display().to_string(),
                None => above.clone(),
            };
            if layers.len() == MAX_LAYERS {
                return Err(refused(format!("more than {MAX_LAYERS} bundles extend one another, or each other")).into());
            }
            let layer = match Layer::open(&reference, library) {
                Ok(Some(layer)) => layer,
                Ok(None) => return Err(refused(format!("`{above}` is a directory without a `bundle.yaml`")).into()),
                Err(BundleError::Unknown { .. }) => {
                    // As it is written there, rather than as it is resolved.
                    return Err(refused(unknown_bundle(&above, directory, library).to_string()).into());
                }
                Err(error) => return Err(error),
            };
            layers.push(layer);
        }
        layers.reverse();
        Ok(Self(layers))
    }

    /// The bundle's own definition.
    pub fn own(&self) -> &Definition {
        &self.last(|_| true).located.value
    }

    /// All of them, the outermost that is extended first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Layer> {
        self.0.iter()
    }

    /// The definition whose word on a key counts: the nearest that has it, else the outermost.
    pub(super) fn saying(&self, key: &str) -> &Definition {
        &self.last(|layer| layer.located.says(key)).located.value
    }

    fn last(&self, wanted: impl Fn(&Layer) -> bool) -> &Layer {
        self.0.iter().rev().find(|layer| wanted(layer)).unwrap_or(&self.0[0])
    }
}

/// Says that there is no such bundle, with a shipped one or a file beside it that may be meant.
pub(crate) fn unknown_bundle(name: &str, directory: Option<&Path>, library: &Library) -> BundleError {
    let known = library.bundle_names().collect::<Vec<_>>().join(", ");
    let path = directory.map_or_else(|| PathBuf::from(name), |directory| directory.join(name));
    let beside = path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    let files = beside.and_then(|parent| std::fs::read_dir(parent).ok()).into_iter().flatten().flatten();
    let files: Vec<String> = files.filter_map(|file| file.file_name().into_string().ok()).collect();
    let written = path.file_name().and_then(|file| file.to_str()).unwrap_or(name);
    let close_file = crate::suggest::closest(written, files.iter().map(String::as_str));
    let close = crate::suggest::closest(name, library.bundle_names()).map(str::to_owned).or_else(|| {
        let with_file = Path::new(name).with_file_name(close_file?);
        with_file.to_str().map(str::to_owned)
    });
    let close = close.map(|close| format!("; did you mean `{close}`?")).unwrap_or_default();
    BundleError::Unknown { name: name.to_owned(), known, close }
}

impl Layer {
    fn open(reference: &str, library: &Library) -> Result<Option<Self>, BundleError> {
        if let Some(text) = library.bundle(reference) {
            return Self::parse(&format!("{reference}.yaml"), text, None).map(Some);
        }
        let path = Path::new(reference);
        if path.is_dir() && !path.join("bundle.yaml").exists() {
            return Ok(None);
        }
        let file = if path.is_dir() { path.join("bundle.yaml") } else { path.to_owned() };
        if !file.exists() {
            return Err(unknown_bundle(reference, None, library));
        }
        let shown = file.display().to_string();
        let text = crate::files::read_text(&file, MAX_DEFINITION_BYTES)
            .map_err(|source| LibraryError::Read { path: shown.clone(), source })?;
        Self::parse(&shown, &text, Some(file)).map(Some)
    }

    /// Reads a definition's text; `name` is for errors.
    ///
    /// # Errors
    /// Names the place in the text.
    pub(super) fn parse(name: &str, text: &str, file: Option<PathBuf>) -> Result<Self, BundleError> {
        let located: Located<Definition> = Located::parse(name, text)?;
        if located.value.extends.is_none() && !located.says("rules") {
            return Err(located.error(&Pointer::root(), "a bundle has `rules`, or `extends` another").into());
        }
        Ok(Self { located, file })
    }

    /// The directory that its paths are below.
    pub(super) fn directory(&self) -> Option<&Path> {
        self.file.as_deref().and_then(Path::parent)
    }
}
