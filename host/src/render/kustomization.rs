//! What a kustomization file leads to, so that nothing is built that would ask the network.

use crate::document::{Node, Value};
use crate::files;
use crate::parse::{Form, Limits, Scalars, Unit, yaml};
use crate::root::from_here;
use crate::sets::kustomization::{NAMES, RESOURCES, is_inline};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders that one kustomization may lead to.
const MAX_FOLDERS: usize = 1_000;
/// Lists whose entries are files or folders of further settings, or YAML that stands inside.
const SETTINGS: [&str; 6] =
    ["crds", "configurations", "generators", "transformers", "validators", "patchesStrategicMerge"];
/// Lists whose entries may name a file as `path`.
const PATHS: [&str; 3] = ["patches", "patchesJson6902", "replacements"];
/// The API group of kustomizations.
const GROUP: &str = "kustomize.config.k8s.io/";
/// The API version of settings that kustomize itself understands.
const BUILTIN: &str = "builtin";
/// Keys of these whose values are files.
const FILES: [&str; 5] = ["path", "paths", "files", "envs", "env"];

/// A kustomization file.
#[derive(Debug)]
pub(super) struct Kustomization {
    /// It is rendered only where another one includes it.
    pub(super) is_component: bool,
    folder: PathBuf,
    /// Files and folders of objects.
    resources: Vec<String>,
    /// Files and folders of everything else.
    settings: Vec<String>,
    /// Settings that stand in the file itself.
    inline: Vec<String>,
    /// It has charts fetched.
    has_charts: bool,
}

impl Kustomization {
    /// Reads the kustomization of a folder; `None` where the file is another program's.
    ///
    /// # Errors
    /// Says why there is none.
    pub(super) fn read(folder: &Path, limits: &Limits) -> Result<Option<Self>, String> {
        let path = NAMES.iter().map(|name| folder.join(name)).find(|path| path.exists());
        let path = path.ok_or_else(|| format!("{} has no kustomization", from_here(folder).display()))?;
        let failed = |message: String| format!("{}: {message}", from_here(&path).display());
        let text = files::read_text(&path, limits.bytes).map_err(|error| failed(error.to_string()))?;
        let root = yaml::parse(&text, Scalars::Core12, limits).map_err(|error| failed(error.message))?;
        Ok(root.and_then(|root| Self::of(folder, &root)))
    }

    fn of(folder: &Path, root: &Node) -> Option<Self> {
        let text = |key: &str| root.get(key).and_then(Node::as_str);
        if text("apiVersion").is_some_and(|version| !version.starts_with(GROUP)) {
            return None;
        }
        let items = |key: &&str| root.get(key).map_or(&[][..], Node::items);
        let strings = |keys: &[&str]| keys.iter().flat_map(items).filter_map(Node::as_str).map(str::to_owned).collect();
        let mut settings: Vec<String> = strings(&SETTINGS);
        let inline = settings.extract_if(.., |entry| is_inline(entry)).collect();
        let by_path = PATHS.iter().flat_map(items).filter_map(|entry| entry.get("path"));
        settings.extend(by_path.chain(root.path(&["openapi", "path"])).filter_map(Node::as_str).map(str::to_owned));
        for generator in ["configMapGenerator", "secretGenerator"].iter().flat_map(items) {
            let lists = ["files", "envs"].iter().flat_map(|key| generator.get(key).map_or(&[][..], Node::items));
            let named = lists.chain(generator.get("env")).filter_map(Node::as_str);
            // `KEY=FILE`
            settings.extend(named.map(|file| file.split_once('=').map_or(file, |(_, file)| file).to_owned()));
        }
        let holds = |key: &&str| root.get(key).is_some_and(|it| !matches!(&it.value, Value::Null) && !is_empty(it));
        Some(Self {
            is_component: text("kind") == Some("Component"),
            folder: folder.to_owned(),
            resources: strings(&RESOURCES),
            settings,
            inline,
            has_charts: ["helmCharts", "helmChartInflationGenerator"].iter().any(holds),
        })
    }

    /// The folders that it includes, links followed.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let entries = self.resources.iter().chain(&self.settings);
        let real = entries.filter_map(|entry| self.folder.join(entry).canonicalize().ok());
        real.filter(|path| path.is_dir()).collect()
    }

    /// What cannot be rendered without the network or further programs.
    fn refuse(&self, limits: &Limits) -> Result<(), String> {
        let folder = from_here(&self.folder);
        let shown = folder.display();
        if self.has_charts {
            return Err(format!(
                "{shown} has charts fetched (`helmCharts`), which is not done here; render it yourself and pipe it in"
            ));
        }
        let is_there = |entry: &&String| self.folder.join(entry).exists();
        if let Some(entry) = self.resources.iter().find(|entry| !is_there(entry)) {
            return Err(format!(
                "{shown} includes `{entry}`, which is no file or folder here; bases that are elsewhere are not fetched: \
                 copy it into the repository, or render it yourself and pipe it in"
            ));
        }
        let named = self.settings.iter().find(|entry| is_url(entry) && !is_there(entry));
        match named.cloned().or_else(|| self.fetched_by_settings(limits)) {
            Some(entry) => Err(format!(
                "{shown} names `{entry}`, and nothing is fetched: copy it into the repository, or render it yourself and \
                 pipe it in"
            )),
            None => Ok(()),
        }
    }

    /// What settings would have fetched that kustomize itself understands, in the file and in those that it names.
    fn fetched_by_settings(&self, limits: &Limits) -> Option<String> {
        let named = self.resources.iter().chain(&self.settings).map(|entry| self.folder.join(entry));
        let texts = named.filter_map(|path| files::read_text(&path, limits.bytes).ok());
        self.inline.iter().cloned().chain(texts).find_map(|text| fetched_by(&text, limits))
    }
}

/// What a text of settings would have fetched.
fn fetched_by(text: &str, limits: &Limits) -> Option<String> {
    // Objects are no settings, and most texts are objects.
    if !text.contains(BUILTIN) || !text.contains("://") {
        return None;
    }
    let units = Unit::split(Form::Yaml(Scalars::Core12), &Arc::from(""), text, limits).ok()?;
    let roots = units.iter().filter_map(|unit| yaml::parse(&unit.sources[0].text, Scalars::Core12, limits).ok()?);
    let mut settings = roots.filter(|root| root.get("apiVersion").and_then(Node::as_str) == Some(BUILTIN));
    settings.find_map(|root| url_below(&root))
}

/// A value of a key that names files, and is a URL.
fn url_below(node: &Node) -> Option<String> {
    let own = |value: &Node| -> Option<String> {
        let texts = value.as_str().into_iter().chain(value.items().iter().filter_map(Node::as_str));
        texts
            .map(|text| text.split_once('=').map_or(text, |(_, file)| file))
            .find(|text| is_url(text))
            .map(str::to_owned)
    };
    let named = node.entries().iter().filter(|entry| FILES.contains(&&*entry.key)).find_map(|entry| own(&entry.value));
    let below = || node.entries().iter().map(|entry| &entry.value).chain(node.items()).find_map(url_below);
    named.or_else(below)
}

fn is_url(entry: &str) -> bool {
    entry.contains("://")
}

/// Refuses a kustomization that, itself or by what it includes, would have something fetched.
///
/// # Errors
/// Names the folder and the entry, and says what to do.
pub(super) fn refuse_remote(folder: &Path, limits: &Limits) -> Result<(), String> {
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        if !seen.insert(folder.clone()) {
            continue;
        }
        if seen.len() > MAX_FOLDERS {
            return Err(format!("it leads to more than {MAX_FOLDERS} folders (limit `folders`)"));
        }
        let Some(kustomization) = Kustomization::read(&folder, limits)? else { continue };
        kustomization.refuse(limits)?;
        open.extend(kustomization.folders());
    }
    Ok(())
}

fn is_empty(node: &Node) -> bool {
    node.is_collection() && node.items().is_empty() && node.entries().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<String> {
        let home = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = home.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("top/kustomization.yaml", text);
        write("top/a.yaml", "");
        write("base/kustomization.yaml", "resources: [b.yaml]");
        write("base/b.yaml", "");
        write(
            "t.yaml",
            "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\npath: 'https://e.example/t.yaml'\n",
        );
        write("remote/kustomization.yaml", "resources: ['https://e.example/x?ref=1']");
        refuse_remote(&home.path().join("top"), &Limits::default()).err()
    }

    #[test]
    fn what_is_here_is_rendered() {
        for text in [
            "resources: [a.yaml, ../base]",
            "patches: [{path: a.yaml}, {patch: 'x: https://e.example'}]",
            "commonAnnotations: {docs: 'https://e.example'}",
            "configMapGenerator: [{name: x, files: [k=a.yaml], literals: ['U=https://e.example']}]",
            "patchesStrategicMerge: ['{kind: X, url: https://e.example}']",
            "helmCharts: []",
            "",
        ] {
            assert_eq!(refused(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_elsewhere_is_refused_before_anything_runs() {
        for (text, what) in [
            ("resources: ['https://e.example/x.yaml']", "https://e.example/x.yaml"),
            ("resources: ['github.com/o/r?ref=v1']", "github.com/o/r"),
            ("bases: ['git@e.example:o/r.git']", "git@e.example"),
            ("components: [../gone]", "../gone"),
            ("resources: [../remote]", "https://e.example/x?ref=1"),
            ("transformers: [../remote]", "https://e.example/x?ref=1"),
            ("patches: [{path: 'https://e.example/p.yaml'}]", "https://e.example/p.yaml"),
            ("configMapGenerator: [{name: x, files: ['k=http://e.example/f']}]", "http://e.example/f"),
            ("openapi: {path: 'https://e.example/s'}", "https://e.example/s"),
            ("helmCharts: [{name: x, repo: 'https://e.example'}]", "helmCharts"),
            ("transformers: [../t.yaml]", "https://e.example/t.yaml"),
            (
                "generators: ['{apiVersion: builtin, kind: ConfigMapGenerator, files: [k=http://e.example/g]}']",
                "http://e.example/g",
            ),
            ("resources: [", "kustomization.yaml"),
        ] {
            let message = refused(text).unwrap_or_default();
            assert!(message.contains(what), "{text}: {message}");
        }
    }
}
