//! The configuration of a repository: `policy-host.yaml`, found upwards from the working directory.
//!
//! It says what flags of `eval` say, and which exceptions there are. It is part of what is checked, so it is hostile:
//! what it names is below its own directory, it runs nothing and writes nothing, and `serve` does not read it.

use crate::bundle::{ExemptionEntry, Settings};
use crate::document::Pointer;
use crate::located::{Located, LocatedError};
use crate::sets::NamedSets;
use crate::workload::WorkloadKind;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// What the file is called.
pub const FILE_NAME: &str = "policy-host.yaml";
/// Bytes of a configuration that are read at the most.
const MAX_BYTES: usize = 1 << 20;

/// What `policy-host.yaml` says. Flags and variables go before it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(title = "policy-host.yaml")]
pub struct Config {
    /// Files and directories to check where none are named, from the directory of this file.
    pub paths: Vec<String>,
    /// A shipped bundle; or a bundle file or a directory of components, from the directory of this file.
    pub bundle: Option<String>,
    /// Globs of files and directories that are not read, from the directory of this file.
    pub exclude: Vec<String>,
    /// Leave out what `exclude` matches also where it is named on the command line.
    pub force_exclude: bool,
    /// Rules of the bundle that are asked, where not all are: rules, packs, priorities, controls, factors, or kinds of
    /// finding as `rule/code`.
    pub select: Vec<String>,
    /// Those that are not asked, whatever is selected.
    pub ignore: Vec<String>,
    /// Form of the results.
    pub format: Option<String>,
    /// Further reports, by their form: the file of each, from the directory of this file.
    pub reports: BTreeMap<String, String>,
    /// Findings below this severity are left out.
    pub min_severity: Option<String>,
    /// Findings of which their rule is less sure than this are left out.
    pub min_confidence: Option<String>,
    /// Findings at or above this severity fail the run; with `never` only what the program itself could not do does.
    pub fail_on: Option<String>,
    /// The baseline, from the directory of this file.
    pub baseline: Option<String>,
    /// Pass over comments and annotations that lift rules.
    pub no_ignores: bool,
    /// Have charts and kustomizations rendered by `helm` and `kustomize`, and check what they deploy. It runs programs,
    /// so that a file has to be named with `--config` for it.
    pub render: bool,
    /// What rules take for granted of the clusters and the repository, by the names of the settings; before what the
    /// bundle says.
    pub settings: Settings,
    /// What is deployed together, where directories do not say it: for each set, globs of paths from the directory of
    /// this file.
    pub sets: BTreeMap<String, Vec<String>>,
    /// Further kinds that carry a pod template, beside those of the bundle.
    pub workloads: Vec<WorkloadKind>,
    /// What is exempt from which rules, why and until when.
    pub exceptions: Vec<ExemptionEntry>,
}

/// Why there is no configuration where there should be one.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It could not be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It says something that cannot be.
    #[error(transparent)]
    Content(#[from] LocatedError),
}

/// A configuration, where it was found.
#[derive(Debug)]
pub struct ConfigFile {
    /// What it says, with places.
    pub located: Located<Config>,
    /// The file.
    pub path: PathBuf,
    /// Its directory, from the working directory; empty for that itself.
    pub directory: PathBuf,
    /// Found in what is checked, rather than named by whoever checks.
    found: bool,
}

/// Where the file may be, from `start`, the working directory: there, and in those above up to the one that has `.git`;
/// outside of repositories only there itself, since above it may be anybody's.
pub fn places(start: &Path) -> Vec<PathBuf> {
    let top = start.ancestors().position(|directory| directory.join(".git").exists()).unwrap_or(0);
    let above = std::iter::successors(Some(PathBuf::new()), |below| Some(below.join("..")));
    above.take(top + 1).map(|directory| directory.join(FILE_NAME)).collect()
}

impl ConfigFile {
    /// Reads a file that somebody named.
    ///
    /// # Errors
    /// When it cannot be read, or names the place of what is wrong.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        Self::read(path, false)
    }

    /// Finds the file: the first of its [`places`] where it is.
    ///
    /// # Errors
    /// As for [`ConfigFile::open`].
    pub fn find(start: &Path) -> Result<Option<Self>, ConfigError> {
        let found = places(start).into_iter().find(|path| path.symlink_metadata().is_ok());
        found.map(|path| Self::read(&path, true)).transpose()
    }

    fn read(path: &Path, found: bool) -> Result<Self, ConfigError> {
        let failed = |source| ConfigError::Read { path: path.to_owned(), source };
        let text = crate::files::read_text(path, MAX_BYTES).map_err(failed)?;
        let located = Located::parse(&path.display().to_string(), &text)?;
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { located, path: path.to_owned(), directory, found })
    }

    /// Whether the file was found in what is checked, rather than named by whoever checks.
    pub fn is_found(&self) -> bool {
        self.found
    }

    /// The sets that the file names.
    ///
    /// # Errors
    /// At the glob that is malformed.
    pub fn sets(&self) -> Result<NamedSets, LocatedError> {
        NamedSets::new(&self.located.value.sets, &self.directory).map_err(|error| {
            let at = ["sets".to_owned(), error.set].into_iter().chain(error.glob.map(|glob| glob.to_string()));
            self.located.error(&at.collect::<Pointer>(), error.message)
        })
    }

    /// A path that the file names, from the working directory. Of a file that was found it is below its directory and
    /// not in `.git`, links followed: what git reads there runs programs.
    ///
    /// # Errors
    /// Says that it leads elsewhere.
    pub fn resolve(&self, named: &str) -> Result<PathBuf, String> {
        let path = if named == "." { self.directory.clone() } else { self.directory.join(named) };
        let path = if path.as_os_str().is_empty() { PathBuf::from(".") } else { path };
        if self.found && !self.is_inside(Path::new(named), &path) {
            return Err(format!("`{named}` leads out of the directory of this file, or into `.git`"));
        }
        Ok(path)
    }

    fn is_inside(&self, named: &Path, path: &Path) -> bool {
        let is_git = |path: &Path| path.components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git"));
        let is_plain = named.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let directory = if self.directory.as_os_str().is_empty() { Path::new(".") } else { &self.directory };
        let Ok(directory) = directory.canonicalize() else { return false };
        // What is not there yet will be where its nearest ancestor is; a link that leads nowhere is there.
        let there = path.ancestors().find(|ancestor| ancestor.symlink_metadata().is_ok());
        let there = there.filter(|there| !there.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let leads_inside = |real: PathBuf| real.strip_prefix(&directory).is_ok_and(|below| !is_git(below));
        is_plain && !is_git(named) && there.canonicalize().is_ok_and(leads_inside)
    }
}

/// The JSON Schema of the file. `names` gives the words that some keys take, `settings` the schemas of the settings
/// that are known.
pub fn schema(names: impl Fn(&str) -> Vec<String>, settings: &BTreeMap<&str, &serde_json::Value>) -> serde_json::Value {
    let mut schema = serde_json::Value::from(schemars::schema_for!(Config));
    for key in ["format", "minSeverity", "minConfidence", "failOn"] {
        let words = names(key);
        if let Some(property) =
            schema.pointer_mut(&format!("/properties/{key}")).and_then(|value| value.as_object_mut())
        {
            property.insert("type".to_owned(), "string".into());
            property.insert("enum".to_owned(), words.into());
            property.remove("default");
        }
    }
    if let Some(reports) = schema.pointer_mut("/properties/reports").and_then(|value| value.as_object_mut()) {
        reports.insert("propertyNames".to_owned(), serde_json::json!({ "enum": names("format") }));
    }
    if let Some(property) = schema.pointer_mut("/properties/settings").and_then(|value| value.as_object_mut()) {
        property.insert("properties".to_owned(), serde_json::json!(settings));
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        directory
    }

    #[test]
    fn what_a_found_file_names_is_below_it() {
        let directory = in_directory(&[("r/policy-host.yaml", "paths: [k8s]"), ("r/k8s/a.yaml", ""), ("b.json", "")]);
        let root = directory.path().join("r");
        for (target, link) in [("../b.json", "link.json"), ("..", "up"), ("/nowhere", "dangling"), (".git", "g")] {
            std::os::unix::fs::symlink(target, root.join(link)).unwrap();
        }
        std::fs::create_dir(root.join(".git")).unwrap();
        let found = ConfigFile::read(&root.join(FILE_NAME), true).unwrap();
        for outside in [
            "../b.json",
            "/etc/passwd",
            "link.json",
            "k8s/../../b.json",
            "up/new.json",
            "dangling",
            ".git/config",
            "k8s/.GIT/hooks/x",
            "g/config",
            "g/hooks/new",
        ] {
            assert!(found.resolve(outside).unwrap_err().contains("leads out"), "{outside}");
        }
        assert_eq!(found.resolve("k8s").unwrap(), root.join("k8s"));
        assert_eq!(found.resolve("new/new.json").unwrap(), root.join("new/new.json"));
        assert_eq!(found.resolve(".").unwrap(), root);
        let named = ConfigFile::open(&root.join(FILE_NAME)).unwrap();
        assert!(named.resolve("../b.json").is_ok());
    }

    #[test]
    fn a_configuration_is_a_file_of_bounded_size() {
        let directory = in_directory(&[("large.yaml", &"#".repeat(MAX_BYTES + 1))]);
        let refused = |path: &Path| ConfigFile::open(path).unwrap_err().to_string();
        assert!(refused(&directory.path().join("large.yaml")).contains("it is longer than 1048576 bytes"));
        assert!(refused(directory.path()).contains("it is a directory"));
        assert!(refused(Path::new("/dev/zero")).contains("it is no regular file"));
    }
}
