//! Which charts and kustomizations there are among what is checked.

use super::kustomization::Kustomization;
use crate::document::{RenderTool, Rendering, shown_directory};
use crate::parse::{Limits, Unit};
use crate::sets;
use crate::visible::visible;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The kind of files with which a chart is rendered, besides those that every run reads.
pub const VALUES: &str = "HelmValues";

/// A folder that a program can render.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renderable {
    /// The program.
    pub tool: RenderTool,
    /// The folder, as paths are shown; `.` for the working directory.
    pub folder: String,
    /// Values files of a chart, beside its own `values.yaml`, as paths are shown.
    pub values: Vec<String>,
}

impl Renderable {
    /// The command with which a person renders it.
    pub fn command(&self) -> String {
        let folder = quoted(&self.folder);
        match self.tool {
            RenderTool::Helm => format!("helm template {folder}"),
            RenderTool::Kustomize => format!("kustomize build {folder}"),
        }
    }

    /// What is to be rendered: a chart with its default values and with each of its values files.
    pub fn renderings(&self) -> impl Iterator<Item = Rendering> {
        let values = self.values.iter().map(|values| Some(values.as_str()));
        std::iter::once(None).chain(values).map(|values| Rendering::new(self.tool, &self.folder, values))
    }
}

/// A path as a word of a shell.
pub(super) fn quoted(path: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+@%:,=".contains(letter);
    let path = visible(path);
    if !path.starts_with('-') && path.chars().all(is_plain) {
        path.into_owned()
    } else {
        let path = if path.starts_with('-') { format!("./{path}") } else { path.into_owned() };
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// Finds the charts that are no part of another one, and the kustomizations that no other one includes.
pub fn found(units: &[Unit], limits: &Limits) -> Vec<Renderable> {
    let mut charts: BTreeMap<&str, bool> = BTreeMap::new();
    let mut kustomizations: BTreeSet<&str> = BTreeSet::new();
    let mut paths: BTreeSet<&str> = BTreeSet::new();
    for unit in units {
        let path = &*unit.sources[0].path;
        paths.insert(path);
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name == "Chart.yaml" {
            *charts.entry(folder).or_default() |= is_library(unit, limits);
        } else if sets::Kustomization::is_named_so(path) {
            kustomizations.insert(folder);
        }
    }
    let is_own = |folder: &str| !parent_chart(folder).is_some_and(|parent| charts.contains_key(parent));
    let own = charts.iter().filter(|(folder, is_library)| !**is_library && is_own(folder));
    let charts = own.map(|(folder, _)| Renderable {
        tool: RenderTool::Helm,
        folder: shown_directory(folder).to_owned(),
        values: paths.iter().filter(|path| is_values_file(folder, path)).map(|path| (*path).to_owned()).collect(),
    });
    let roots = included_by_none(&kustomizations, limits).into_iter();
    let kustomizations = roots.map(|folder| Renderable {
        tool: RenderTool::Kustomize,
        folder: shown_directory(folder).to_owned(),
        values: Vec::new(),
    });
    charts.chain(kustomizations).collect()
}

/// A library chart holds templates for other charts, and deploys nothing.
fn is_library(unit: &Unit, limits: &Limits) -> bool {
    let documents = unit.parse(limits).unwrap_or_default();
    documents.iter().any(|document| document.root.get("type").and_then(|kind| kind.as_str()) == Some("library"))
}

/// The folder of the chart that a folder is a vendored dependency of, if that is a chart.
fn parent_chart(folder: &str) -> Option<&str> {
    let (list, _) = folder.rsplit_once('/')?;
    match list.rsplit_once('/') {
        Some((parent, "charts")) => Some(parent),
        None if list == "charts" => Some(""),
        _ => None,
    }
}

/// Whether a path is a values file beside the one that a chart always has.
fn is_values_file(chart: &str, path: &str) -> bool {
    let below =
        if chart.is_empty() { Some(path) } else { path.strip_prefix(chart).and_then(|it| it.strip_prefix('/')) };
    let stem =
        |name: &str| ["yaml", "yml"].iter().any(|end| name.strip_suffix(end).is_some_and(|it| it.ends_with('.')));
    let Some(below) = below.filter(|below| stem(below)) else { return false };
    let name = below.rsplit_once('.').map_or(below, |(name, _)| name);
    match name.split_once('/') {
        None => name.starts_with("values-") || name.ends_with(".values"),
        Some((folder, name)) if !name.contains('/') => match folder {
            "values" => true,
            "ci" => name.ends_with("-values"),
            _ => false,
        },
        Some(_) => false,
    }
}

/// The folders of kustomizations that no other one includes. Components are rendered where they are included; of
/// kustomizations that include each other all are kept, so that the program says what is wrong with them.
fn included_by_none<'f>(folders: &BTreeSet<&'f str>, limits: &Limits) -> Vec<&'f str> {
    let real = |folder: &str| Path::new(shown_directory(folder)).canonicalize().ok();
    let mut read: Vec<(&'f str, Option<PathBuf>, Vec<PathBuf>)> = Vec::new();
    for folder in folders {
        match Kustomization::read(Path::new(shown_directory(folder)), limits) {
            Ok(Some(found)) if found.is_component => {}
            Ok(Some(found)) => read.push((folder, real(folder), found.folders())),
            // It is another program's.
            Ok(None) => {}
            // Rendering it says what is wrong.
            Err(_) => read.push((folder, real(folder), Vec::new())),
        }
    }
    let included: BTreeSet<&PathBuf> = read.iter().flat_map(|(_, _, includes)| includes).collect();
    let is_root = |real: &Option<PathBuf>| !real.as_ref().is_some_and(|real| included.contains(real));
    let mut reached: BTreeSet<&PathBuf> = BTreeSet::new();
    let mut open: Vec<&PathBuf> = read.iter().filter(|it| is_root(&it.1)).filter_map(|it| it.1.as_ref()).collect();
    while let Some(folder) = open.pop() {
        if reached.insert(folder) {
            open.extend(read.iter().filter(|it| it.1.as_ref() == Some(folder)).flat_map(|it| &it.2));
        }
    }
    let is_kept = |real: &Option<PathBuf>| is_root(real) || !real.as_ref().is_some_and(|real| reached.contains(real));
    read.iter().filter(|it| is_kept(&it.1)).map(|it| it.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::parse::{Form, Scalars};

    fn of(files: &[(&str, &str)]) -> Vec<Renderable> {
        let unit = |(path, text): &(&str, &str)| Unit::new(Form::Yaml(Scalars::Core12), Source::new(*path, *text));
        found(&files.iter().map(unit).collect::<Vec<_>>(), &Limits::default())
    }

    #[test]
    fn charts_are_found_with_their_values_and_without_their_parts() {
        let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
        let found = of(&[
            ("web/Chart.yaml", chart),
            ("web/values.yaml", ""),
            ("web/values-prod.yaml", ""),
            ("web/eu.values.yml", ""),
            ("web/values/us.yaml", ""),
            ("web/ci/small-values.yaml", ""),
            ("web/ci/other.yaml", ""),
            ("web/files/values-x.yaml", ""),
            ("web/values-x.json", ""),
            ("webs/values-other.yaml", ""),
            ("web/charts/redis/Chart.yaml", chart),
            ("web/charts/redis/values-a.yaml", ""),
            ("web/charts/redis/charts/deep/Chart.yaml", chart),
            ("charts/own/Chart.yaml", chart),
            ("lib/Chart.yaml", "apiVersion: v2\nname: lib\ntype: library\n"),
        ]);
        let shown: Vec<(&str, String)> = found.iter().map(|it| (&*it.folder, it.values.join(" "))).collect();
        let values = "web/ci/small-values.yaml web/eu.values.yml web/values-prod.yaml web/values/us.yaml";
        assert_eq!(shown, [("charts/own", String::new()), ("web", values.to_owned())]);
        let names: Vec<String> = found[1].renderings().map(|rendering| rendering.name).collect();
        assert_eq!(names[..2], ["chart web", "chart web with ci/small-values.yaml"]);
    }

    #[test]
    fn a_chart_may_be_the_working_directory() {
        let found = of(&[("Chart.yaml", "name: a"), ("charts/b/Chart.yaml", "name: b"), ("values-x.yaml", "")]);
        assert_eq!(found.len(), 1);
        assert_eq!((&*found[0].folder, found[0].values.len()), (".", 1));
        assert_eq!(found[0].command(), "helm template .");
    }

    #[test]
    fn folders_are_words_of_a_shell() {
        for (folder, word) in [
            ("charts/web", "charts/web"),
            ("my chart", "'my chart'"),
            ("it's", r"'it'\''s'"),
            ("-rf", "'./-rf'"),
            ("$(id)", "'$(id)'"),
        ] {
            assert_eq!(quoted(folder), word);
        }
    }

    #[test]
    fn kustomizations_are_found_where_none_includes_them() {
        let home = tempfile::tempdir().unwrap();
        let files = [
            ("base/kustomization.yaml", "resources: [a.yaml]"),
            ("prod/kustomization.yml", "resources: [../base]\ncomponents: [../part]"),
            ("part/Kustomization", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component"),
            ("alone/Kustomization", "resources: []"),
            ("flux/kustomization.yaml", "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization"),
            ("one/kustomization.yaml", "resources: [../two]"),
            ("two/kustomization.yaml", "resources: [../one]"),
            ("broken/kustomization.yaml", "resources: ["),
        ];
        let whole = |path: &str| home.path().join(path).to_string_lossy().into_owned();
        for (path, text) in files {
            std::fs::create_dir_all(Path::new(&whole(path)).parent().unwrap()).unwrap();
            std::fs::write(whole(path), text).unwrap();
        }
        let files: Vec<(String, &str)> = files.iter().map(|(path, text)| (whole(path), *text)).collect();
        let found = of(&files.iter().map(|(path, text)| (path.as_str(), *text)).collect::<Vec<_>>());
        let folders: Vec<&str> = found.iter().filter_map(|it| it.folder.rsplit('/').next()).collect();
        assert_eq!(folders, ["alone", "broken", "one", "prod", "two"]);
    }
}
