//! The kinds of repository files: what each is called, where it lies, how its content is recognised, what it is written
//! in, and what rules see of it.
//!
//! This is the one place that says so. Discovery, the language server's watching, the pre-commit hooks, the page for
//! authors and the check of `appliesTo` all read [`KINDS`].

mod content;
mod delivery;
mod matching;
mod page;
mod platform;
mod sources;
mod wanted;

pub use matching::{in_chart, of_content, of_path};
pub use page::page;
pub use wanted::Wanted;

use crate::document::{Format, Node};
use std::sync::LazyLock;

/// One kind of repository file.
#[derive(Debug)]
pub struct Kind {
    /// Its name: rules write `file/NAME`.
    pub name: &'static str,
    /// What it is, one line.
    pub title: &'static str,
    /// Where it lies.
    pub paths: Paths,
    /// How its content is recognised; `None` when its path says all.
    pub content: Option<Content>,
    /// What it is written in.
    pub format: Format,
    /// Whether its tools read YAML as Kubernetes' clients do: by YAML 1.1, and the last of equal keys counts. The
    /// others read it by YAML 1.2 and refuse equal keys.
    pub like_kubernetes: bool,
    /// What pre-commit's `identify` calls such files.
    pub tags: &'static [&'static str],
    /// What rules see of it, Markdown.
    pub model: &'static str,
}

/// Where a kind of file lies.
#[derive(Debug, Clone, Copy)]
pub struct Paths {
    /// Globs of paths below the repository, or below the directory of a Helm chart; letters of any case.
    pub globs: &'static [&'static str],
    /// Whether they are below the directory of a Helm chart: one that holds a `Chart.yaml`.
    pub in_chart: bool,
    /// Globs of what it is not, whatever `globs` say.
    pub except: &'static [&'static str],
}

impl Kind {
    /// Whether it is a template: what it is rendered to is checked.
    pub fn is_template(&self) -> bool {
        self.paths.in_chart && self.format == Format::Text
    }
}

impl Paths {
    /// Anywhere.
    const ANY: Self = Self::of(&[]);

    /// Below the repository.
    const fn of(globs: &'static [&'static str]) -> Self {
        Self { globs, in_chart: false, except: &[] }
    }

    /// Below the directory of a chart.
    const fn in_chart(globs: &'static [&'static str]) -> Self {
        Self { globs, in_chart: true, except: &[] }
    }
}

/// How the content of a kind of file is recognised.
#[derive(Clone, Copy)]
pub struct Content {
    /// Whether a value is of the kind; the flag says whether its path is.
    pub is: fn(&Node, bool) -> bool,
    /// The same in words.
    pub words: &'static str,
    /// Whether that holds for what looks like a Kubernetes object, too.
    pub of_objects: bool,
    /// Texts of which a JSON file of the kind holds one. A repository is full of JSON that nobody asks for, and is
    /// only parsed when it may be asked for.
    pub marks: &'static [&'static str],
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.words)
    }
}

/// All kinds, in the order in which they are tried.
pub static KINDS: LazyLock<Vec<&'static Kind>> =
    LazyLock::new(|| [delivery::KINDS, platform::KINDS, sources::KINDS].into_iter().flatten().collect());

/// The kind of that name.
pub fn named(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}

/// The files in which Kubernetes objects lie.
pub const OBJECTS: &[&str] = &["**/*.{yaml,yml,json}"];

/// The same as pre-commit's `identify` calls them.
pub const OBJECT_TAGS: &[&str] = &["json", "yaml"];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_its_name_and_its_model() {
        let names: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), KINDS.len());
        for kind in KINDS.iter() {
            assert!(kind.name.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{}", kind.name);
            assert!(!kind.title.is_empty() && !kind.model.is_empty() && !kind.tags.is_empty(), "{}", kind.name);
            let is_found = !kind.paths.globs.is_empty() || kind.content.is_some() || kind.format == Format::Listing;
            assert!(is_found, "{}", kind.name);
            assert_eq!(named(kind.name).map(|kind| kind.name), Some(kind.name));
        }
        assert!(named("Nothing").is_none());
    }
}
