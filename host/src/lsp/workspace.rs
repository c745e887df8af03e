//! The files of the workspace as units: what is on disk, and over it what is open.

use crate::discover::{self, Content};
use crate::document::{Format, Source};
use crate::encoding::decode;
use crate::evaluate::{Keyed, Session};
use crate::exclusion::Exclusion;
use crate::parse::{Form, SyntaxError, Unit};
use crate::sets::{NamedSets, Surroundings};
use lsp_types::Uri;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files by the paths that rules see: relative to the workspace's folder where they are below one.
#[derive(Default)]
pub(super) struct Workspace {
    roots: Vec<PathBuf>,
    excluded: Exclusion,
    files: BTreeMap<String, File>,
    /// The units of all Terraform files; worked out again when one of these changes, since modules are read with those
    /// that they call.
    terraform: Option<Vec<Keyed>>,
    /// What is known beside the units.
    surroundings: Surroundings,
}

enum File {
    Units(Vec<Keyed>),
    Terraform(Arc<str>),
}

impl Workspace {
    /// One of which nothing is read yet.
    pub(super) fn new(roots: Vec<PathBuf>) -> Self {
        Self { roots, ..Self::default() }
    }

    /// Reads the folders of a workspace.
    pub(super) fn open(roots: Vec<PathBuf>, excluded: Exclusion, named: NamedSets, session: &Session) -> Self {
        let surroundings = Surroundings { named, ..Surroundings::default() };
        let mut workspace = Self { roots, excluded, surroundings, ..Self::default() };
        for root in workspace.roots.clone() {
            let wanted = session.judge().bundle().wanted();
            let discovered = discover::discover_except(&[root], &wanted, &workspace.excluded, session.limits());
            for unit in discovered.units {
                // Of a file that nobody reads an editor tells no change, so a listing would soon be wrong.
                if unit.form != Form::Plain(Format::Listing) {
                    workspace.add(&unit, session);
                }
            }
            let templates = discovered.passed.iter().map(|passed| workspace.shown(Path::new(&passed.path)));
            let templates: Vec<String> = templates.collect();
            workspace.surroundings.templates.extend(templates);
        }
        workspace
    }

    fn add(&mut self, unit: &Unit, session: &Session) {
        let renamed = unit.sources.iter().map(|source| Source {
            path: Arc::from(self.shown(Path::new(&*source.path))),
            text: source.text.clone(),
            offset: source.offset,
            lines_before: source.lines_before,
        });
        let unit = unit.with_sources(renamed);
        if matches!(unit.form, Form::Terraform | Form::TerraformVariables) {
            for source in unit.sources.iter() {
                self.files.insert(source.path.to_string(), File::Terraform(Arc::clone(&source.text)));
            }
            self.terraform = None;
            return;
        }
        let keyed = session.key(unit);
        match self.files.entry(keyed.unit().sources[0].path.to_string()).or_insert(File::Units(Vec::new())) {
            File::Units(units) => units.push(keyed),
            other => *other = File::Units(vec![keyed]),
        }
    }

    /// What is known beside the units.
    pub(super) fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// The path of a file as rules see it.
    pub(super) fn shown(&self, path: &Path) -> String {
        let relative = self.roots.iter().find_map(|root| path.strip_prefix(root).ok());
        relative.unwrap_or(path).to_string_lossy().replace('\\', "/")
    }

    /// The folders.
    pub(super) fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// Puts a text in the place of a file's; false when the file is not one of ours, or excluded.
    ///
    /// # Errors
    /// When the text exceeds a bound.
    pub(super) fn set(&mut self, path: &Path, text: &str, session: &Session) -> Result<bool, SyntaxError> {
        let shown = self.shown(path);
        self.remove(&shown);
        if self.excluded.covers(path) {
            return Ok(false);
        }
        let wanted = session.judge().bundle().wanted();
        let read = discover::read(path, &shown, text.to_owned(), &wanted, session.limits());
        let Some(content) = read else { return Ok(false) };
        let file = match content? {
            Content::Units(units) => File::Units(units.into_iter().map(|unit| session.key(unit)).collect()),
            Content::Terraform(source) => {
                self.terraform = None;
                File::Terraform(source.text)
            }
        };
        self.files.insert(shown, file);
        Ok(true)
    }

    /// Takes what is on disk, after a buffer was closed or somebody else wrote the file.
    pub(super) fn reload(&mut self, path: &Path, session: &Session) {
        let bytes = crate::files::read(path, session.limits().bytes).ok();
        match bytes.and_then(|bytes| decode(bytes).ok()) {
            // What cannot be checked is no part of the inventory; it is reported when it is opened.
            Some((text, _)) => drop(self.set(path, &text, session)),
            None => self.remove(&self.shown(path)),
        }
    }

    fn remove(&mut self, shown: &str) {
        if let Some(File::Terraform(_)) = self.files.remove(shown) {
            self.terraform = None;
        }
    }

    /// All units, in the order of their paths, modules last.
    pub(super) fn units(&mut self, session: &Session) -> Vec<Keyed> {
        let mut units = Vec::new();
        let mut sources = Vec::new();
        for (path, file) in &self.files {
            match file {
                File::Units(keyed) => units.extend(keyed.iter().cloned()),
                File::Terraform(text) => sources.push(Source::new(path.as_str(), Arc::clone(text))),
            }
        }
        let terraform = self
            .terraform
            .get_or_insert_with(|| Unit::terraform(sources).into_iter().map(|unit| session.key(unit)).collect());
        units.extend(terraform.iter().cloned());
        units
    }
}

/// The path of a `file:` URI.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let path = uri.strip_prefix("file://")?;
    let path = &path[path.find('/')?..];
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
    Some(PathBuf::from(text))
}

/// The URI of a file, given that of another one; both paths are as rules see them.
pub(super) fn uri_beside(uri: &Uri, path: &str, other: &str) -> Option<Uri> {
    let base = if other.starts_with('/') {
        "file://"
    } else {
        let mut base = uri.as_str();
        for _ in path.split('/') {
            base = base.trim_end_matches('/').rsplit_once('/')?.0;
        }
        &uri.as_str()[..base.len() + 1]
    };
    let mut whole = base.to_owned();
    for byte in other.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => whole.push(char::from(byte)),
            _ => whole.push_str(&format!("%{byte:02X}")),
        }
    }
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{path_of, uri_beside};
    use std::path::Path;

    #[test]
    fn a_uri_names_a_path() {
        assert_eq!(path_of("file:///a/b%20c/%C3%A9.yaml").as_deref(), Some(Path::new("/a/b c/é.yaml")));
        assert_eq!(path_of("file://host/a").as_deref(), Some(Path::new("/a")));
        for none in ["untitled:1", "file:", "file://", "file:///%00", "file:///%ff", "http://a/b"] {
            assert_eq!(path_of(none), None, "{none}");
        }
        assert_eq!(path_of("file:///a%2").as_deref(), Some(Path::new("/a%2")));
    }

    #[test]
    fn a_file_beside_another_has_a_uri() {
        let uri = |of: &str, path: &str, other: &str| {
            uri_beside(&of.parse().unwrap(), path, other).map(|uri| uri.as_str().to_owned())
        };
        let beside = uri("file:///r/a%20b/c.yaml", "a b/c.yaml", "d/é f.yaml");
        assert_eq!(beside.as_deref(), Some("file:///r/d/%C3%A9%20f.yaml"));
        assert_eq!(uri("file:///r/c.yaml", "c.yaml", "/x/y.yaml").as_deref(), Some("file:///x/y.yaml"));
        assert_eq!(uri("untitled:1", "a/b", "c"), None);
    }
}
