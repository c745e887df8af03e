//! Finding what to check: files and directories, or standard input, as units.

mod named;
mod passed;

pub use passed::{PassedOver, Why};

use self::named::{Charts, Class};
use crate::document::Source;
use crate::encoding::{Encoding, decode};
use crate::exclusion::Exclusion;
use crate::files;
use crate::kinds::{self, Kind, Wanted};
use crate::parse::{Form, Limits, Listing, SyntaxError, Unit};
use crate::problem::{InputProblem, ProblemKind};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What was found.
#[derive(Debug, Default)]
pub struct Discovered {
    /// The units, in the order of paths and, in a file, of documents.
    pub units: Vec<Unit>,
    /// Inputs that could not be read or cut into units.
    pub problems: Vec<InputProblem>,
    /// Files looked at.
    pub files: usize,
    /// Templates that were skipped, in the order of paths.
    pub passed: Vec<PassedOver>,
    /// Files and directories that were skipped because they are excluded.
    pub excluded: usize,
    /// Paths that are excluded, and read because somebody named them.
    pub spared: Vec<String>,
}

/// The name under which standard input is shown.
pub const STDIN: &str = "<stdin>";

/// Finds what to check below some paths; `-` is standard input. Directories are walked in the order of names,
/// respecting .gitignore; hidden files count, `.git` does not. In a walk, only what is wanted is read; a file that is
/// named is read whatever it is.
pub fn discover(paths: &[PathBuf], wanted: &Wanted, limits: &Limits) -> Discovered {
    discover_except(paths, wanted, &Exclusion::default(), limits)
}

/// Finds what to check below some paths, but for what is excluded: that is not even read. Whether that goes for the
/// paths themselves too, the exclusion says.
pub fn discover_except(paths: &[PathBuf], wanted: &Wanted, excluded: &Exclusion, limits: &Limits) -> Discovered {
    let mut discovery = Discovery {
        wanted,
        excluded,
        limits,
        found: Discovered::default(),
        modules: Vec::new(),
        charts: Charts::default(),
    };
    for path in paths {
        if path.as_os_str() == "-" {
            discovery.stdin();
            continue;
        }
        if excluded.covers(path) {
            if !excluded.spares_named() {
                discovery.found.excluded += 1;
                continue;
            }
            discovery.found.spared.push(show(path));
        }
        if path.is_dir() {
            discovery.walk(path);
        } else {
            discovery.file(path, true);
        }
    }
    let Discovery { mut found, modules, .. } = discovery;
    found.units.extend(Unit::terraform(modules));
    found
}

/// What a file of ours holds.
pub enum Content {
    /// Units of its own.
    Units(Vec<Unit>),
    /// A file of Terraform, which is read with others.
    Terraform(Source),
}

/// Reads a text as the file at `path` would be read if it were found, under the name `shown`; `None` when it would
/// be skipped.
pub fn read(
    path: &Path,
    shown: &str,
    text: String,
    wanted: &Wanted,
    limits: &Limits,
) -> Option<Result<Content, SyntaxError>> {
    let kind = Charts::default().kind_of(path, shown);
    if kind.is_some_and(|kind| !wanted.has(kind)) {
        return None;
    }
    let class = Class::of(path, kind)?;
    if passed::is_template_name(path) || class == Class::Json && !wanted.may_hold(text.as_bytes()) {
        return None;
    }
    let form = class.form(&text);
    if form == Form::Terraform {
        return Some(Ok(Content::Terraform(Source::new(shown, text))));
    }
    if passed::is_template(form, &text) {
        return None;
    }
    Some(Unit::split_as(kind, form, &Arc::from(shown), &text, limits).map(Content::Units))
}

/// Discovery on its way.
struct Discovery<'a> {
    wanted: &'a Wanted,
    excluded: &'a Exclusion,
    limits: &'a Limits,
    found: Discovered,
    /// The Terraform files.
    modules: Vec<Source>,
    charts: Charts,
}

impl Discovery<'_> {
    fn stdin(&mut self) {
        let mut bytes = Vec::new();
        let bound = self.limits.bytes.saturating_mul(STDIN_FACTOR);
        // One byte more than the bound tells that it is exceeded.
        if let Err(error) = std::io::stdin().lock().take(bound as u64 + 1).read_to_end(&mut bytes) {
            return self.problem(STDIN, ProblemKind::Unreadable, error.to_string());
        }
        self.found.files += 1;
        match decode(bytes) {
            Ok((text, _)) => {
                let limits = Limits { bytes: bound, ..self.limits.clone() };
                self.text(STDIN, None, Class::Unknown, text, &limits);
            }
            Err(error) => self.problem(STDIN, ProblemKind::NotText, error.to_string()),
        }
    }

    fn problem(&mut self, path: &str, kind: ProblemKind, message: impl Into<String>) {
        self.found.problems.push(InputProblem::of_file(path, kind, message));
    }

    fn walk(&mut self, directory: &Path) {
        // The walk reads what is to be ignored of the directory, of those above it, and of each below it.
        let absolute = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        if let Some(refused) = absolute.ancestors().find_map(refused_ignores) {
            return self.found.problems.push(refused);
        }
        let refused = Arc::new(Mutex::new(Vec::new()));
        let refusing = Arc::clone(&refused);
        let (excluded, passed_over) = (self.excluded.clone(), Arc::new(AtomicUsize::new(0)));
        let passing_over = Arc::clone(&passed_over);
        let walk = ignore::WalkBuilder::new(directory)
            .hidden(false)
            .require_git(false)
            .filter_entry(move |entry| {
                if excluded.matches(entry.path()) {
                    passing_over.fetch_add(1, Ordering::Relaxed);
                    return false;
                }
                let is_directory = entry.file_type().is_some_and(|kind| kind.is_dir());
                match is_directory.then(|| refused_ignores(entry.path())).flatten() {
                    Some(error) => {
                        refusing.lock().unwrap_or_else(PoisonError::into_inner).push(error);
                        false
                    }
                    None => entry.file_name() != ".git",
                }
            })
            .sort_by_file_name(Ord::cmp)
            .build();
        let lists = kinds::named("Repository").is_some_and(|kind| self.wanted.has(kind));
        let mut listing = Listing::default();
        for entry in walk {
            match entry {
                Err(error) => self.found.problems.push(walk_problem(directory, &error)),
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    if lists {
                        let below = entry.path().strip_prefix(directory).unwrap_or(entry.path());
                        listing.files.push((show(below), entry.metadata().map_or(0, |metadata| metadata.len())));
                    }
                    self.file(entry.path(), false);
                }
                Ok(_) => {}
            }
        }
        self.found.excluded += passed_over.load(Ordering::Relaxed);
        self.found.problems.append(&mut refused.lock().unwrap_or_else(PoisonError::into_inner));
        if lists {
            listing.files.sort();
            self.found.units.push(Unit::repository(&show(directory), listing));
        }
    }

    /// A file of a walk, or one that somebody asked for.
    fn file(&mut self, path: &Path, asked: bool) {
        let shown = show(path);
        let mut kind = self.charts.kind_of(path, &shown);
        if let Some(template) = kind.filter(|kind| kind.is_template()) {
            if asked {
                // Whether it is one, its content says.
                kind = None;
            } else {
                if Class::of(path, None).is_some() {
                    self.found.passed.push(PassedOver { path: shown.clone(), why: Why::Chart });
                }
                if !self.wanted.has(template) {
                    return;
                }
            }
        } else if !asked && passed::is_template_name(path) {
            return self.found.passed.push(PassedOver { path: shown, why: Why::Name });
        }
        if !asked && kind.is_some_and(|kind| !self.wanted.has(kind)) {
            return;
        }
        let Some(class) = Class::of(path, kind).or(asked.then_some(Class::Unknown)) else { return };
        let bytes = match files::read(path, self.limits.bytes) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                if asked || class != Class::Json || self.starts_as_ours(path) {
                    self.found.files += 1;
                    let message = format!("the file has more than {} bytes (limit `bytes`)", self.limits.bytes);
                    self.problem(&shown, ProblemKind::Bound, message);
                }
                return;
            }
            Err(error) => return self.problem(&shown, ProblemKind::Unreadable, error.to_string()),
        };
        // A repository is full of JSON that is not one of ours.
        let may_be_ours = asked || class != Class::Json || self.wanted.may_hold(&bytes);
        match decode(bytes) {
            Ok((text, encoding)) => {
                if may_be_ours || encoding != Encoding::Utf8 && self.wanted.may_hold(text.as_bytes()) {
                    self.found.files += 1;
                    self.text(&shown, kind, class, text, self.limits);
                }
            }
            Err(error) if may_be_ours => {
                self.found.files += 1;
                self.problem(&shown, ProblemKind::NotText, error.to_string());
            }
            Err(_) => {}
        }
    }

    /// Whether what can be looked at of a large file says that it is ours.
    fn starts_as_ours(&self, path: &Path) -> bool {
        let mut start = Vec::new();
        let read = files::open(path).and_then(|file| file.take(self.limits.bytes as u64).read_to_end(&mut start));
        read.is_ok() && self.wanted.may_hold(&start)
    }

    /// Makes units of a file's text.
    fn text(&mut self, shown: &str, kind: Option<&'static Kind>, class: Class, text: String, limits: &Limits) {
        let form = class.form(&text);
        if form == Form::Terraform {
            return self.modules.push(Source::new(shown, text));
        }
        if passed::is_template(form, &text) {
            self.found.files -= 1;
            return self.found.passed.push(PassedOver { path: shown.to_owned(), why: Why::Content });
        }
        match Unit::split_as(kind, form, &Arc::from(shown), &text, limits) {
            Ok(units) => self.found.units.extend(units),
            Err(error) => self.problem(shown, ProblemKind::Bound, error.message),
        }
    }
}

/// A rendered chart or a whole cluster may come through a pipe: larger than any one file.
const STDIN_FACTOR: usize = 16;

/// What is wrong with a directory that cannot be walked.
fn walk_problem(root: &Path, error: &ignore::Error) -> InputProblem {
    let mut path = show(root);
    let mut inner = error;
    loop {
        match inner {
            ignore::Error::WithPath { path: at, err } => {
                path = show(at);
                inner = err;
            }
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => inner = err,
            _ => return InputProblem::of_file(path, ProblemKind::Unreadable, inner.to_string()),
        }
    }
}

/// Bytes of a file that says what is to be ignored.
const IGNORE_BYTES: u64 = 1 << 20;

/// A file of a directory that should say what is to be ignored, and is no regular file: a link that a repository holds
/// may lead to a device that never ends.
fn refused_ignores(directory: &Path) -> Option<InputProblem> {
    let refused = |name: &str| {
        let path = directory.join(name);
        let found = path.metadata().ok()?;
        let reason = if !found.is_file() {
            "it is no regular file".to_owned()
        } else if found.len() > IGNORE_BYTES {
            format!("it is longer than {IGNORE_BYTES} bytes")
        } else {
            return None;
        };
        Some(InputProblem::of_file(show(&path), ProblemKind::Unreadable, reason))
    };
    [".gitignore", ".ignore"].into_iter().find_map(refused)
}

/// A path as people and rules see it: with `/`, without a leading `./`.
fn show(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").map(str::to_owned).unwrap_or(text)
}
