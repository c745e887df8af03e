//! New rules: what `policy-host new` writes. The examples of `tests/examples` are the templates, so what is written
//! is what is tested, under another name.

mod sdk;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What a rule is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust, with the SDK: components of some kilobytes, as all shipped rules
    Rust,
    /// JavaScript, in QuickJS: components of two megabytes
    Js,
    /// Python, in CPython: components of twenty megabytes
    Python,
    /// Go: not yet, and says why
    Go,
}

/// Why a rule cannot be begun.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// The name is none.
    #[error("`{0}` is not PACK/RULE: two names of lower-case words joined by `-`, of at most 64 characters each")]
    Name(String),
    /// Something is there already.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// Rust without a repository of rules.
    #[error("there is no repository of rules here (a folder with policies/sdk): --out DIR makes one")]
    NoRepository,
    /// Go has no compiler that makes rules.
    #[error(
        "Go cannot be compiled to a rule with what registries offer: the standard compiler's components import WASI, \
         and a rule imports nothing. With TinyGo 0.41 and a target of its own (no WASI, `gc: leaking`) a rule for \
         the world `policy-rules` of wit/v1/rule.wit can be built by hand; `policy-host component` then takes it"
    )]
    Go,
    /// The file system said no.
    #[error("{path}: {source}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The name that the examples have.
const EXAMPLE: &str = "owner-label-required";
const WIT: &str = include_str!("../../../wit/v1/rule.wit");
const CASES: [File; 4] = [
    File("fail.yaml", include_str!("../../../tests/examples/fail.yaml")),
    File("fail-json/case.yaml", include_str!("../../../tests/examples/fail-json/case.yaml")),
    File("fail-json/trim.json", include_str!("../../../tests/examples/fail-json/trim.json")),
    File("pass.yaml", include_str!("../../../tests/examples/pass.yaml")),
];
const RUST: [File; 1] = [File("policy.rs", include_str!("../../../tests/examples/rust/policy.rs"))];
/// What makes a folder of rules in Rust a crate.
const PACK: &str = include_str!("../../../tests/examples/rust/Cargo.toml");
/// The name that the example's folder has.
const EXAMPLE_PACK: &str = "example";
const JS: [File; 4] = [
    File("policy.js", include_str!("../../../tests/examples/js/policy.js")),
    File("build.sh", include_str!("../../../tests/examples/js/build.sh")),
    File("wit/rule.wit", WIT),
    File(".gitignore", "/target\n"),
];
const PYTHON: [File; 4] = [
    File("policy.py", include_str!("../../../tests/examples/python/policy.py")),
    File("build.sh", include_str!("../../../tests/examples/python/build.sh")),
    File("wit/rule.wit", WIT),
    File(".gitignore", "/target\n__pycache__/\n"),
];

/// A path below the folder that is written, and a text.
struct File(&'static str, &'static str);

/// What was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// The repository around the rule, when there was none.
    pub repository: Option<PathBuf>,
    /// The rule's folder.
    pub rule: PathBuf,
}

/// Begins a rule: a folder that builds and passes its own cases.
///
/// # Errors
/// When the name is none or taken, or files cannot be written. Then nothing of the rule is there.
pub fn new(name: &str, language: Language, out: Option<&Path>) -> Result<Written, ScaffoldError> {
    let (pack, rule) = name.split_once('/').ok_or_else(|| ScaffoldError::Name(name.to_owned()))?;
    if !(is_name(pack) && is_name(rule)) {
        return Err(ScaffoldError::Name(name.to_owned()));
    }
    let own: &[File] = match language {
        Language::Rust => &RUST,
        Language::Js => &JS,
        Language::Python => &PYTHON,
        Language::Go => return Err(ScaffoldError::Go),
    };
    let (root, repository) = match (language, out) {
        (Language::Rust, None) => (find_repository()?.join("policies"), None),
        (Language::Rust, Some(out)) => {
            let there = is_repository(out);
            if !there {
                write(out, &sdk::repository())?;
            }
            (out.join("policies"), (!there).then(|| out.to_owned()))
        }
        (_, out) => (out.unwrap_or(Path::new(".")).to_owned(), None),
    };
    let files: Vec<(String, String)> =
        own.iter().chain(&CASES).map(|File(path, text)| ((*path).to_owned(), text.replace(EXAMPLE, rule))).collect();
    let folder = root.join(pack).join(rule);
    let of_pack = root.join(pack).join("Cargo.toml");
    if matches!(language, Language::Rust) && !of_pack.exists() {
        let failed = |source| ScaffoldError::Write { path: of_pack.clone(), source };
        write_file(&of_pack, &PACK.replace(EXAMPLE_PACK, pack)).map_err(failed)?;
    }
    write(&folder, &files)?;
    Ok(Written { repository, rule: folder })
}

/// Lower-case words joined by `-`: what ids, crates and folders may all be called.
fn is_name(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.len() <= 64 && name.starts_with(|first: char| first.is_ascii_lowercase()) && name.split('-').all(is_word)
}

fn is_repository(path: &Path) -> bool {
    path.join("policies/sdk/Cargo.toml").is_file()
}

fn find_repository() -> Result<PathBuf, ScaffoldError> {
    let here = std::env::current_dir().map_err(|source| ScaffoldError::Write { path: ".".into(), source })?;
    let found = here.ancestors().find(|path| is_repository(path));
    found.map(Path::to_owned).ok_or(ScaffoldError::NoRepository)
}

/// Writes a folder that is not there yet, whole or not at all: beside its place, and then moved there.
fn write(folder: &Path, files: &[(String, String)]) -> Result<(), ScaffoldError> {
    let is_empty = |path: &Path| path.read_dir().is_ok_and(|mut entries| entries.next().is_none());
    if folder.symlink_metadata().is_ok() && !is_empty(folder) {
        return Err(ScaffoldError::Exists(folder.to_owned()));
    }
    let failed = |source| ScaffoldError::Write { path: folder.to_owned(), source };
    let parent = match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).map_err(failed)?;
    let staged = tempfile::Builder::new().prefix(".new-").tempdir_in(parent).map_err(failed)?;
    for (path, text) in files {
        write_file(&staged.path().join(path), text).map_err(failed)?;
    }
    share(staged.path()).and_then(|()| std::fs::rename(staged.path(), folder)).map_err(failed)
}

fn write_file(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = std::fs::File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    if text.starts_with("#!") { executable(&file) } else { Ok(()) }
}

#[cfg(unix)]
fn executable(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata()?.permissions().mode();
    // Whoever may read it may run it.
    file.set_permissions(std::fs::Permissions::from_mode(mode | (mode & 0o444) >> 2))
}

#[cfg(not(unix))]
fn executable(_file: &std::fs::File) -> io::Result<()> {
    Ok(())
}

/// A temporary folder is its owner's alone; a rule's is as any other.
#[cfg(unix)]
fn share(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let beside = folder.parent().map_or(Ok(0o755), |parent| parent.metadata().map(|it| it.permissions().mode()))?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(beside & 0o777 | 0o700))
}

#[cfg(not(unix))]
fn share(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ids() {
        for name in ["a/b", "pod-security/no-root2"] {
            let (pack, rule) = name.split_once('/').unwrap_or_default();
            assert!(is_name(pack) && is_name(rule), "{name}");
        }
        let long = "a".repeat(65);
        for name in ["", "A", "a_b", "-a", "a-", "a--b", "2a", "..", "a.b", "é", "a b", long.as_str()] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_rule_is_written_whole_and_nothing_is_overwritten() {
        let home = tempfile::tempdir().expect("a directory");
        let out = home.path().join("rules");
        let written = new("my/rule-one", Language::Rust, Some(&out)).expect("written");
        assert_eq!(written.repository.as_deref(), Some(out.as_path()));
        assert_eq!(written.rule, out.join("policies/my/rule-one"));
        let manifest = std::fs::read_to_string(out.join("policies/my/Cargo.toml")).expect("a manifest");
        assert!(manifest.contains("name = \"my\"") && !manifest.contains(EXAMPLE_PACK), "{manifest}");
        assert!(matches!(new("my/rule-one", Language::Rust, Some(&out)), Err(ScaffoldError::Exists(_))));
        assert_eq!(new("my/two", Language::Rust, Some(&out)).expect("written").repository, None);
        assert!(matches!(new("two", Language::Js, Some(&out)), Err(ScaffoldError::Name(_))));
        assert!(matches!(new("../two", Language::Js, Some(&out)), Err(ScaffoldError::Name(_))));
        assert!(matches!(new("a/b", Language::Go, Some(&out)), Err(ScaffoldError::Go)));
        let js = new("my/three", Language::Js, Some(home.path())).expect("written").rule;
        assert!(std::fs::read_to_string(js.join("policy.js")).expect("a rule").contains("\"three\""));
        let left: Vec<_> = home.path().read_dir().expect("readable").flatten().map(|entry| entry.file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with('.')), "{left:?}");
    }
}
