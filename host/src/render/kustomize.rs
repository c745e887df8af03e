//! Kustomizations: built by way of one of our own, which has each document say what file it is from.

use super::kustomization::refuse_remote;
use super::program::Programs;
use super::run::{Paths, Piece, split};
use crate::document::{Format, Node, Pointer, Rendering};
use crate::edit::{self, Operation};
use crate::parse::{Limits, Scalars, SyntaxError, yaml};
use crate::root;
use crate::sets::kustomization::NAMES;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The annotation in which kustomize says where a document is from.
const ORIGIN: &str = "config.kubernetes.io/origin";

/// Builds a kustomization. `number` is another one for each rendering of a run.
///
/// # Errors
/// Says why it cannot be built, and what to do.
pub(super) fn render(
    programs: &Programs,
    rendering: &Rendering,
    paths: &Paths,
    number: usize,
    limits: &Limits,
) -> Result<Vec<Piece>, String> {
    let folder = Path::new(&rendering.folder);
    refuse_remote(folder, limits)?;
    let failed = |error: std::io::Error| format!("it cannot be led to: {error}");
    let folder = folder.canonicalize().map_err(failed)?;
    let wrapper = programs.wrappers().map_err(failed)?.join(number.to_string());
    // Kustomize takes no absolute paths, and JSON is YAML.
    let resource = relative(&wrapper, &folder);
    let resource = resource.to_str().ok_or("its path is not UTF-8")?;
    let text = serde_json::json!({"resources": [resource], "buildMetadata": ["originAnnotations"]}).to_string();
    std::fs::create_dir(&wrapper)
        .and_then(|()| std::fs::write(wrapper.join("kustomization.yaml"), text))
        .map_err(failed)?;
    let text = programs.kustomize(&wrapper).map_err(|error| error.to_string())?;
    let own = own_file(rendering);
    split(&rendering.folder, &text, limits, |document| {
        let (origin, text) = led(document, limits);
        let file = origin.as_ref().and_then(|origin| root::absolute(&wrapper.join(&origin.path)));
        let file = file.filter(|file| file.is_file());
        Piece {
            is_written: file.is_some() && origin.is_some_and(|origin| !origin.is_generated),
            path: file.map_or_else(|| Arc::clone(&own), |file| paths.shown(&file)),
            text,
        }
    })
}

/// The kustomization's own file, as paths are shown.
fn own_file(rendering: &Rendering) -> Arc<str> {
    let folder = Path::new(&rendering.folder);
    let name = NAMES.iter().find(|name| folder.join(name).is_file()).unwrap_or(&NAMES[0]);
    match &*rendering.folder {
        "." => Arc::from(*name),
        folder => format!("{folder}/{name}").into(),
    }
}

/// Where a document is from.
struct Origin {
    /// From the folder that is built.
    path: PathBuf,
    /// The file has the document generated, and does not hold it.
    is_generated: bool,
}

/// What a document says of its origin, and the document without that.
fn led(document: &str, limits: &Limits) -> (Option<Origin>, Box<str>) {
    let read = || -> Option<(Origin, String)> {
        let parse = |text: &str| {
            let root = yaml::parse(text, Scalars::Kubernetes, limits)?;
            root.ok_or_else(|| SyntaxError::new(0, "the document is empty"))
        };
        let root = parse(document).ok()?;
        let annotations = root.path(&["metadata", "annotations"])?;
        let origin = origin(annotations.get(ORIGIN)?.as_str()?, limits)?;
        let annotations_path: Pointer = ["metadata", "annotations"].into_iter().collect();
        let is_alone = annotations.entries().len() == 1;
        let path = if is_alone { annotations_path } else { annotations_path.join(ORIGIN) };
        let text = edit::apply(document, &root, &[Operation::Remove { path }], Format::Yaml, parse);
        Some((origin, text.unwrap_or_else(|_| document.to_owned())))
    };
    match read() {
        Some((origin, text)) => (Some(origin), text.into()),
        None => (None, document.into()),
    }
}

/// Reads the annotation: the path of the file, or of the one that has the document generated.
fn origin(text: &str, limits: &Limits) -> Option<Origin> {
    let root = yaml::parse(text, Scalars::Core12, limits).ok()??;
    if root.get("repo").is_some() {
        return None;
    }
    let path = |key: &str| root.get(key).and_then(Node::as_str).map(PathBuf::from);
    let written = path("path").map(|path| Origin { path, is_generated: false });
    written.or_else(|| Some(Origin { path: path("configuredIn")?, is_generated: true }))
}

/// A path as it is from a folder; both without links.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(shared).map(|_| std::path::Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_and_taken_away() {
        let limits = Limits::default();
        let alone = "kind: A\nmetadata:\n  annotations:\n    config.kubernetes.io/origin: |\n      path: ../../r/base/a.yaml\n  name: a\nspec: {}\n";
        let (origin, text) = led(alone, &limits);
        let origin = origin.unwrap();
        assert_eq!((origin.path.to_str(), origin.is_generated), (Some("../../r/base/a.yaml"), false));
        assert_eq!(&*text, "kind: A\nmetadata:\n  name: a\nspec: {}\n");
        let generated = "kind: A\nmetadata:\n  annotations:\n    a: b\n    config.kubernetes.io/origin: |\n      configuredIn: ../k.yaml\n      configuredBy:\n        kind: ConfigMapGenerator\n  name: a\n";
        let (origin, text) = led(generated, &limits);
        let origin = origin.unwrap();
        assert_eq!((origin.path.to_str(), origin.is_generated), (Some("../k.yaml"), true));
        assert_eq!(&*text, "kind: A\nmetadata:\n  annotations:\n    a: b\n  name: a\n");
        let remote = alone.replace("path: ../../r/base/a.yaml", "path: a.yaml\n      repo: https://e.example");
        for none in ["kind: A\n", "[", "", &remote, &alone.replace("path: ", "- ")] {
            let (origin, text) = led(none, &limits);
            assert!(origin.is_none() && *text == *none, "{none}");
        }
    }

    #[test]
    fn paths_lead_from_one_folder_to_another() {
        let of = |from: &str, to: &str| relative(Path::new(from), Path::new(to)).to_string_lossy().into_owned();
        assert_eq!(of("/tmp/x/wrappers/1", "/work/repo/prod"), "../../../../work/repo/prod");
        assert_eq!(of("/work/tmp/1", "/work/repo"), "../../repo");
    }
}
