//! A repository of rules for those who have none: this one's SDK, contract and build, without the host.

use include_dir::{Dir, include_dir};

static SDK: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../policies/sdk");

const OTHERS: [(&str, &str); 6] = [
    ("wit/v1/rule.wit", include_str!("../../../wit/v1/rule.wit")),
    ("policies/build.sh", include_str!("../../../policies/build.sh")),
    (".cargo/config.toml", include_str!("../../../.cargo/config.toml")),
    ("rustfmt.toml", include_str!("../../../rustfmt.toml")),
    ("Makefile", include_str!("Makefile")),
    (".gitignore", "/target\n"),
];

const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// The files of a repository without rules.
pub(super) fn repository() -> Vec<(String, String)> {
    let mut files = Vec::new();
    add(&SDK, &mut files);
    files.extend(OTHERS.map(|(path, text)| (path.to_owned(), text.to_owned())));
    files.push(("Cargo.toml".to_owned(), workspace()));
    files
}

/// The files of a folder of the SDK, and of those below it.
fn add(folder: &Dir<'_>, files: &mut Vec<(String, String)>) {
    for file in folder.files() {
        let text = file.contents_utf8().unwrap_or_default();
        files.push((format!("policies/sdk/{}", file.path().display()), text.to_owned()));
    }
    folder.dirs().for_each(|folder| add(folder, files));
}

/// This repository's workspace without what concerns the host alone.
fn workspace() -> String {
    let of_host = |line: &&str| line.starts_with("default-members") || line.starts_with("# With the SDK");
    let lines = WORKSPACE.lines().filter(|line| !of_host(line));
    lines.map(|line| format!("{}\n", line.replace("\"host\", ", ""))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_is_there_with_its_folders() {
        let files = repository();
        for path in ["policies/sdk/lib.rs", "policies/sdk/pack/build.rs", "wit/v1/rule.wit", "Cargo.toml"] {
            assert!(files.iter().any(|(known, text)| known == path && !text.is_empty()), "{path}");
        }
    }

    #[test]
    fn the_workspace_is_without_the_host() {
        let text = workspace();
        assert!(text.contains("members = [\"policies/*\"]\n"), "{text}");
        assert!(!text.contains("host"), "{text}");
    }
}
