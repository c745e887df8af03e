//! The files of a repository, by their paths.

use crate::input::Input;
use crate::json::View;
use crate::uses::Uses;

crate::usable! {
    /// The files of the subject, a repository.
    pub RepositoryFiles {
        reads: ["path", "files[*].path"],
    }
}

/// A file of a repository.
#[derive(Clone)]
pub struct File<'d> {
    /// Where it is listed: what a finding about the file points at.
    pub place: View<'d>,
    /// Its path below the repository.
    pub path: &'d str,
}

impl<'d> File<'d> {
    /// Its name, without its folders.
    pub fn name(&self) -> &'d str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The folder that it lies in; empty for the repository itself.
    pub fn folder(&self) -> &'d str {
        folder(self.path)
    }

    /// Whether it is in a folder of others' code, of tests or of examples, so that nobody ships it.
    pub fn is_aside(&self) -> bool {
        self.folder().split('/').any(|folder| is_of(folder, SAMPLES) || is_of(folder, OTHERS))
    }
}

/// The folder of a path; empty where it has none.
pub fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path from a folder, without `.` and `..`.
pub fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether a path is a folder or lies below it; everything lies below the empty one.
pub fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A folder and all that it lies in, the innermost first; the repository itself is empty and comes last.
pub fn upwards(inner: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(inner), |inner| (!inner.is_empty()).then(|| folder(inner)))
}

/// The files of the subject, a repository, in the order of their paths.
pub fn files<'d, P: Uses<RepositoryFiles>>(input: &Input<'d, P>) -> Vec<File<'d>> {
    let listed = input.document.get("files").items();
    listed.map(|place| File { path: place.get("path").text(), place }).collect()
}

/// The path below the subject, a repository, of a file that a query gave. Of a file elsewhere it is the path of none that
/// is listed.
pub fn below<'f, P: Uses<RepositoryFiles>>(input: &Input<'_, P>, file: &'f str) -> &'f str {
    let root = input.document.get("path").text().trim_end_matches('/');
    file.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')).unwrap_or(file)
}

/// Whether the files are those of a whole repository, as what lies at its top shows, and not of a folder of one.
pub fn are_whole(files: &[File<'_>]) -> bool {
    files.iter().any(|file| {
        let top = file.path.split('/').next().unwrap_or_default().to_ascii_lowercase();
        top.starts_with(".git") || top.starts_with("readme") || top.starts_with("license")
    })
}

/// Folders of tests and examples, whose files nobody ships or deploys.
const SAMPLES: &[&str] = &[
    "test",
    "tests",
    "__tests__",
    "testing",
    "testdata",
    "e2e",
    "integration",
    "fixture",
    "fixtures",
    "__fixtures__",
    "golden",
    "snapshot",
    "snapshots",
    "mock",
    "mocks",
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "quick-start",
];
/// Folders of documentation. What is built there is shipped all the same: a site.
const DOCUMENTATION: &[&str] = &["doc", "docs"];
/// Folders of what others wrote, or what something else is made of.
const OTHERS: &[&str] = &["vendor", "node_modules", "third_party", "thirdparty", "external", "template", "templates"];

/// Whether an object's file lies in a folder of tests, examples or documentation, so that nobody deploys it.
pub fn is_sample(path: &str) -> bool {
    folder(path).split('/').any(|folder| is_of(folder, SAMPLES) || DOCUMENTATION.contains(&folder))
}

/// Whether the name of a folder, or one of its words, is listed.
fn is_of(folder: &str, names: &[&str]) -> bool {
    names.contains(&folder) || folder.split(['-', '.']).any(|word| names.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn files_know_their_folders() {
        let document = r#"{"path":"shop","files":[{"path":"Cargo.toml"},{"path":"a/e2e-tests/go.mod"}]}"#;
        look("", document, &[], &[], |input| {
            let files = files(input);
            let told: Vec<_> = files.iter().map(|file| (file.name(), file.folder(), file.is_aside())).collect();
            assert_eq!(told, [("Cargo.toml", "", false), ("go.mod", "a/e2e-tests", true)]);
            assert_eq!(files[1].place.pointer(), "/files/1");
            assert_eq!((below(input, "shop/a/b"), below(input, "shops/a")), ("a/b", "shops/a"));
        });
        look("", r#"{"files":[{"path":".github/dependabot.yml"}]}"#, &[], &[], |input| {
            assert!(are_whole(&files(input)))
        });
        look("", r#"{"files":[{"path":"a/README.md"}]}"#, &[], &[], |input| assert!(!are_whole(&files(input))));
        look("", r#"{"path":"."}"#, &[], &[], |input| assert_eq!(below(input, "a/b"), "a/b"));
    }

    #[test]
    fn paths_are_joined_and_compared_by_their_parts() {
        assert_eq!(joined("a/b", "../c/./d.yaml"), "a/c/d.yaml");
        assert_eq!(joined("", "./a"), "a");
        assert!(is_below("a/b", "a") && is_below("a", "a") && is_below("a", "") && !is_below("ab", "a"));
    }

    #[test]
    fn folders_lie_in_others_up_to_the_repository() {
        assert_eq!(upwards("a/b").collect::<Vec<_>>(), ["a/b", "a", ""]);
        assert_eq!(upwards("").collect::<Vec<_>>(), [""]);
    }
}
