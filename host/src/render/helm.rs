//! Charts: `helm template`, and the template that each document is from.

use super::found::quoted;
use super::program::Programs;
use super::run::{Piece, split};
use crate::document::{Node, Rendering};
use crate::parse::{Limits, Scalars, yaml};
use crate::{files, root};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path};
use std::sync::Arc;

/// The line with which helm begins each document.
const SOURCE: &str = "# Source: ";

/// Renders a chart with its default values, or with a values file on top of them.
///
/// # Errors
/// Says why it cannot be rendered, and what to do.
pub(super) fn render(programs: &Programs, rendering: &Rendering, limits: &Limits) -> Result<Vec<Piece>, String> {
    let folder = Path::new(&rendering.folder);
    let chart = Chart::read(folder, limits)?;
    chart.refuse_missing(rendering)?;
    let whole = |path: &str| root::absolute(Path::new(path)).ok_or_else(|| format!("{path} has no absolute path"));
    let folder = whole(&rendering.folder)?;
    let mut arguments: Vec<OsString> = vec!["template".into(), chart.release().into(), folder.into()];
    // Custom resource definitions are installed with the chart. Tests are not; `mod` says why.
    arguments.extend(["--include-crds".into(), "--skip-tests".into()]);
    if let Some(values) = &rendering.values {
        arguments.extend(["--values".into(), one_field(&whole(values)?.to_string_lossy()).into()]);
    }
    let arguments: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
    let text = programs.helm(&arguments).map_err(|error| error.to_string())?;
    split(&rendering.folder, &text, limits, |document| {
        let file = source_file(&rendering.folder, document);
        Piece {
            is_written: file.is_some(),
            // A dependency may be packed in an archive.
            path: file.unwrap_or_else(|| below(&rendering.folder, "Chart.yaml")),
            text: document.into(),
        }
    })
}

/// A value of a flag that takes a list of them, as CSV.
fn one_field(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}

/// A file of a chart, as paths are shown.
fn below(folder: &str, path: &str) -> Arc<str> {
    if folder == "." { path.into() } else { format!("{folder}/{path}").into() }
}

/// The file that a document of a chart is from, as paths are shown: a template of it, or of a chart that it depends on.
fn source_file(folder: &str, document: &str) -> Option<Arc<str>> {
    let said = document.lines().take(3).find_map(|line| line.strip_prefix(SOURCE));
    // It begins with the name of the chart, in the place of its folder.
    let inside = said.and_then(|said| said.split_once('/')).map(|(_, inside)| inside.trim_end());
    let is_plain = |path: &&str| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    inside.filter(is_plain).map(|path| below(folder, path)).filter(|path| Path::new(&**path).is_file())
}

/// What a chart says of itself.
struct Chart {
    name: String,
    dependencies: Vec<String>,
}

impl Chart {
    fn read(folder: &Path, limits: &Limits) -> Result<Self, String> {
        let file = |name: &str| -> Result<Option<Node>, String> {
            let failed = |message: String| format!("{name}: {message}");
            let text = files::read_text(&folder.join(name), limits.bytes).map_err(|error| failed(error.to_string()))?;
            yaml::parse(&text, Scalars::Core12, limits).map_err(|error| failed(error.message))
        };
        let chart = file("Chart.yaml")?;
        // The first version of charts has them in a file of their own.
        let apart = if folder.join("requirements.yaml").is_file() { file("requirements.yaml")? } else { None };
        let listed = |root: &Option<Node>| -> Vec<String> {
            let items = root.as_ref().and_then(|root| root.get("dependencies")).map_or(&[][..], Node::items);
            items.iter().filter_map(|item| item.get("name")?.as_str().map(str::to_owned)).collect()
        };
        let dependencies = [listed(&chart), listed(&apart)].concat();
        let name = chart.as_ref().and_then(|root| root.get("name")).and_then(Node::as_str);
        Ok(Self { name: name.unwrap_or_default().to_owned(), dependencies })
    }

    /// The name under which it is rendered as if it were installed: its own, which most templates then do not repeat.
    fn release(&self) -> &str {
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        let starts = self.name.starts_with(|letter: char| letter.is_ascii_lowercase());
        let fits = starts && self.name.len() <= 53 && !self.name.ends_with('-') && self.name.chars().all(is_plain);
        if fits { &self.name } else { "release" }
    }

    /// Refuses a chart whose dependencies are not beside it: getting them takes the network.
    fn refuse_missing(&self, rendering: &Rendering) -> Result<(), String> {
        let folder = Path::new(&rendering.folder).join("charts");
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let there: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        let is_there = |name: &String| {
            let archive = |file: &String| file.starts_with(&format!("{name}-")) && file.ends_with(".tgz");
            there.iter().any(|file| file == name || archive(file)) || any_chart_is(&folder, &there, name)
        };
        let missing: Vec<String> =
            self.dependencies.iter().filter(|name| !is_there(name)).map(|name| format!("`{name}`")).collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(format!(
            "its dependencies are not beside it, and nothing is fetched: {}; run `helm dependency build {}` first",
            missing.join(", "),
            quoted(&rendering.folder)
        ))
    }
}

/// Whether one of the vendored charts has a name, whatever its folder is called.
fn any_chart_is(folder: &Path, entries: &[String], name: &str) -> bool {
    let limits = Limits { bytes: 64 << 10, ..Limits::default() };
    let named = |entry: &String| {
        let text = files::read_text(&folder.join(entry).join("Chart.yaml"), limits.bytes).ok()?;
        let root = yaml::parse(&text, Scalars::Core12, &limits).ok()??;
        Some(root.get("name")?.as_str()? == name)
    };
    entries.iter().any(|entry| named(entry) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_lead_to_files_of_the_chart_only() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("web");
        std::fs::create_dir_all(folder.join("templates")).unwrap();
        std::fs::create_dir_all(folder.join("charts/redis/templates")).unwrap();
        for file in ["templates/a.yaml", "charts/redis/templates/b.yaml", "../secret.yaml"] {
            std::fs::write(folder.join(file), "").unwrap();
        }
        let folder = folder.to_string_lossy();
        let led = |line: &str| {
            let path = source_file(&folder, &format!("---\n{line}\nkind: X\n"))?;
            path.strip_prefix(&*folder).map(str::to_owned)
        };
        let some = |path: &str| Some(path.to_owned());
        assert_eq!(led("# Source: web/templates/a.yaml"), some("/templates/a.yaml"));
        assert_eq!(led("# Source: web/charts/redis/templates/b.yaml"), some("/charts/redis/templates/b.yaml"));
        for line in [
            "# Source: web/templates/gone.yaml",
            "# Source: web/../secret.yaml",
            "# Source: web//etc/passwd",
            "# Source: web",
            "# Source: ",
            "kind: Y",
        ] {
            assert_eq!(led(line), None, "{line}");
        }
    }

    #[test]
    fn dependencies_that_are_not_there_are_named() {
        let home = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = home.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "Chart.yaml",
            "name: web\ndependencies: [{name: redis}, {name: common}, {name: alias}, {name: gone}, {name: un}]\n",
        );
        write("charts/redis/Chart.yaml", "name: redis");
        write("charts/other/Chart.yaml", "name: alias");
        write("charts/common-1.2.3.tgz", "");
        write("charts/unrelated.tgz", "");
        let chart = Chart::read(home.path(), &Limits::default()).unwrap();
        let rendering = Rendering::new(crate::document::RenderTool::Helm, &home.path().to_string_lossy(), None);
        let refused = chart.refuse_missing(&rendering).unwrap_err();
        assert!(refused.contains("nothing is fetched: `gone`, `un`; run `helm dependency build"), "{refused}");
    }

    #[test]
    fn releases_have_names_that_objects_may_have() {
        let of = |name: &str| Chart { name: name.to_owned(), dependencies: Vec::new() }.release().to_owned();
        assert_eq!(of("web-2"), "web-2");
        for name in ["", "Web", "-x", "x-", "a b", "2web", &"x".repeat(54), "--post-renderer"] {
            assert_eq!(of(name), "release", "{name}");
        }
    }

    #[test]
    fn a_values_file_stays_one_file() {
        assert_eq!(one_field("/a/values-a,b.yaml"), "\"/a/values-a,b.yaml\"");
        assert_eq!(one_field("/a/\"b"), "\"/a/\"\"b\"");
    }
}
