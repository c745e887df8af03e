//! Finding what to judge: files and directories, or standard input, as units.

use crate::document::Source;
use crate::files;
use crate::parse::{Form, Limits, Scalars, SyntaxError, Unit, hcl};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What was found.
#[derive(Debug, Default)]
pub struct Discovered {
    /// The units, in the order of paths and, in a file, of documents.
    pub units: Vec<Unit>,
    /// Inputs that could not be read or cut into units.
    pub errors: Vec<InputError>,
    /// Files looked at.
    pub files: usize,
    /// Helm templates that were passed over, since only their rendering is YAML.
    pub templates: usize,
}

/// An input that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The operating system said no.
    #[error("{path}: {source}")]
    Read {
        /// The path.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Not text.
    #[error("{path}: the file is not UTF-8 (byte {at})")]
    NotUtf8 {
        /// The path.
        path: String,
        /// The first offending byte.
        at: usize,
    },
    /// It exceeds a bound.
    #[error("{path}: {error}")]
    Bound {
        /// The path.
        path: String,
        /// Which.
        error: SyntaxError,
    },
    /// The directory walk failed somewhere.
    #[error("{0}")]
    Walk(#[from] ignore::Error),
}

/// The name under which standard input is shown.
pub const STDIN: &str = "<stdin>";

/// Finds what to judge below some paths; `-` is standard input. Directories are walked in the
/// order of names, respecting .gitignore; hidden files count, `.git` does not.
pub fn discover(paths: &[PathBuf], limits: &Limits) -> Discovered {
    let mut discovered = Discovered::default();
    let mut modules: BTreeMap<PathBuf, Vec<Source>> = BTreeMap::new();
    for path in paths {
        if path.as_os_str() == "-" {
            discovered.stdin(limits);
        } else if path.is_dir() {
            discovered.walk(path, limits, &mut modules);
        } else {
            discovered.file(path, true, limits, &mut modules);
        }
    }
    discovered.units.extend(Unit::terraform(modules.into_values().flatten()));
    discovered
}

/// What a file of ours holds.
pub enum Content {
    /// Units of its own.
    Units(Vec<Unit>),
    /// A file of Terraform, which is read with others.
    Terraform(Source),
}

/// Reads a text as the file at `path` would be read if it were found, under the name `shown`; `None` when it would
/// be passed over.
pub fn read(path: &Path, shown: &str, text: String, limits: &Limits) -> Option<Result<Content, SyntaxError>> {
    let form = match classify_name(path)? {
        Class::Terraform => return Some(Ok(Content::Terraform(Source::new(shown, text)))),
        Class::Yaml if is_helm_template(path) => return None,
        Class::Json if !mentions_ours(text.as_bytes()) => return None,
        Class::Json => Form::Json,
        Class::Dockerfile => Form::Dockerfile,
        Class::Yaml | Class::Unknown => YAML,
    };
    Some(Unit::split(form, &Arc::from(shown), &text, limits).map(Content::Units))
}

impl Discovered {
    fn stdin(&mut self, limits: &Limits) {
        let mut bytes = Vec::new();
        // One byte more than the bound tells that it is exceeded.
        let bound = limits.bytes as u64 * STDIN_FACTOR + 1;
        match std::io::stdin().lock().take(bound).read_to_end(&mut bytes) {
            Err(source) => self.errors.push(InputError::Read { path: STDIN.to_owned(), source }),
            Ok(_) => {
                let limits = Limits { bytes: limits.bytes * STDIN_FACTOR as usize, ..limits.clone() };
                self.text(STDIN, bytes, sniff, &limits);
            }
        }
    }

    fn walk(&mut self, directory: &Path, limits: &Limits, modules: &mut BTreeMap<PathBuf, Vec<Source>>) {
        // The walk reads what is to be ignored of the directory, of those above it, and of each below it.
        let absolute = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        if let Some(refused) = absolute.ancestors().find_map(refused_ignores) {
            return self.errors.push(refused);
        }
        let refused = Arc::new(Mutex::new(Vec::new()));
        let refusing = Arc::clone(&refused);
        let walk = ignore::WalkBuilder::new(directory)
            .hidden(false)
            .require_git(false)
            .filter_entry(move |entry| {
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
        for entry in walk {
            match entry {
                Err(error) => self.errors.push(error.into()),
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    self.file(entry.path(), false, limits, modules);
                }
                Ok(_) => {}
            }
        }
        self.errors.append(&mut refused.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn file(&mut self, path: &Path, asked: bool, limits: &Limits, modules: &mut BTreeMap<PathBuf, Vec<Source>>) {
        let Some(class) = classify_name(path).or(asked.then_some(Class::Unknown)) else { return };
        if !asked && matches!(class, Class::Yaml) && is_helm_template(path) {
            self.templates += 1;
            return;
        }
        let shown = show(path);
        let bytes = match files::read(path, limits.bytes) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                if asked || !matches!(class, Class::Json) || starts_as_ours(path, limits.bytes) {
                    self.files += 1;
                    let message = format!("the file has more than {} bytes (limit `bytes`)", limits.bytes);
                    self.errors.push(InputError::Bound { path: shown, error: SyntaxError::new(0, message) });
                }
                return;
            }
            Err(source) => return self.errors.push(InputError::Read { path: shown, source }),
        };
        match class {
            Class::Terraform => {
                self.files += 1;
                match String::from_utf8(bytes) {
                    Ok(text) => {
                        let directory = path.parent().map(Path::to_owned).unwrap_or_default();
                        modules.entry(directory).or_default().push(Source::new(shown, text));
                    }
                    Err(error) => {
                        let at = error.utf8_error().valid_up_to();
                        self.errors.push(InputError::NotUtf8 { path: shown, at });
                    }
                }
            }
            // A repository is full of JSON that is none of ours.
            Class::Json if !asked && !mentions_ours(&bytes) => {}
            Class::Json => self.text(&shown, bytes, |_| Form::Json, limits),
            Class::Yaml => self.text(&shown, bytes, |_| YAML, limits),
            Class::Dockerfile => self.text(&shown, bytes, |_| Form::Dockerfile, limits),
            Class::Unknown => self.text(&shown, bytes, sniff, limits),
        }
    }

    fn text(&mut self, path: &str, bytes: Vec<u8>, form: impl Fn(&str) -> Form, limits: &Limits) {
        self.files += 1;
        match String::from_utf8(bytes) {
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                self.errors.push(InputError::NotUtf8 { path: path.to_owned(), at });
            }
            Ok(text) => match Unit::split(form(&text), &Arc::from(path), &text, limits) {
                Ok(units) => self.units.extend(units),
                Err(error) => self.errors.push(InputError::Bound { path: path.to_owned(), error }),
            },
        }
    }
}

/// A rendered chart or a whole cluster may come through a pipe: larger than any one file.
const STDIN_FACTOR: u64 = 16;

const YAML: Form = Form::Yaml(Scalars::Core12);

enum Class {
    Yaml,
    Json,
    Dockerfile,
    Terraform,
    Unknown,
}

fn classify_name(path: &Path) -> Option<Class> {
    // One that is not UTF-8 is no way past.
    let name = &*path.file_name()?.to_string_lossy();
    let lower = name.to_ascii_lowercase();
    let stem_is =
        |stem: &str| lower == stem || lower.starts_with(&format!("{stem}.")) || lower.ends_with(&format!(".{stem}"));
    if stem_is("dockerfile") && !lower.ends_with(".dockerignore") || stem_is("containerfile") {
        return Some(Class::Dockerfile);
    }
    if hcl::is_terraform(name) {
        return Some(Class::Terraform);
    }
    match lower.rsplit_once('.')?.1 {
        "yaml" | "yml" => Some(Class::Yaml),
        "json" => Some(Class::Json),
        _ => None,
    }
}

/// A file below the `templates` of a chart.
fn is_helm_template(path: &Path) -> bool {
    path.ancestors().skip(1).any(|directory| {
        directory.file_name().is_some_and(|name| name == "templates")
            && directory.parent().is_some_and(|chart| chart.join("Chart.yaml").is_file())
    })
}

/// Bytes of a file that says what is to be ignored.
const IGNORE_BYTES: u64 = 1 << 20;

/// A file of a directory that should say what is to be ignored, and is no regular file: a link that a repository holds
/// may lead to a device that never ends.
fn refused_ignores(directory: &Path) -> Option<InputError> {
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
        Some(InputError::Read { path: show(&path), source: std::io::Error::other(reason) })
    };
    [".gitignore", ".ignore"].into_iter().find_map(refused)
}

/// Whether what can be looked at of a large file says that it is ours.
fn starts_as_ours(path: &Path, bound: usize) -> bool {
    let mut start = Vec::new();
    let read = files::open(path).and_then(|file| file.take(bound as u64).read_to_end(&mut start));
    read.is_ok() && mentions_ours(&start)
}

fn mentions_ours(bytes: &[u8]) -> bool {
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    has(b"\"apiVersion\"") || has(b"\"planned_values\"")
}

fn sniff(text: &str) -> Form {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let first_word = start.lines().find(|line| !line.starts_with('#') && !line.trim().is_empty()).unwrap_or_default();
    if start.starts_with(['{', '[']) {
        Form::Json
    } else if first_word.to_ascii_uppercase().starts_with("FROM ")
        || first_word.to_ascii_uppercase().starts_with("ARG ")
    {
        Form::Dockerfile
    } else {
        YAML
    }
}

/// A path as people and rules see it: with `/`, without a leading `./`.
fn show(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").map(str::to_owned).unwrap_or(text)
}
