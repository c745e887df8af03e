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
                Err(BundleError::Unknown { known, .. }) => {
                    let close = crate::suggest::closest(&above, library.bundle_names());
                    let close = close.map(|close| format!("; did you mean `{close}`?")).unwrap_or_default();
                    let message =
                        format!("there is no bundle `{above}`: neither a shipped one ({known}) nor a file{close}");
                    return Err(refused(message).into());
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
            let known = library.bundle_names().collect::<Vec<_>>().join(", ");
            return Err(BundleError::Unknown { name: reference.to_owned(), known });
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
