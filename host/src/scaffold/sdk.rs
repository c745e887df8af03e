//! A repository of rules for those who have none: this one's SDK, contract and build, without the host.

macro_rules! sdk {
    ($($name:literal),* $(,)?) => {
        &[$((concat!("policies/sdk/", $name), include_str!(concat!("../../../policies/sdk/", $name)))),*]
    };
}

const SDK: &[(&str, &str)] = sdk![
    "Cargo.toml",
    "allocator.rs",
    "autoscaling.rs",
    "credential.rs",
    "duration.rs",
    "finding.rs",
    "github.rs",
    "image.rs",
    "input.rs",
    "int_or_string.rs",
    "json.rs",
    "limit_range.rs",
    "lib.rs",
    "manifest.rs",
    "pack/build.rs",
    "pack/lib.rs",
    "parameter.rs",
    "production.rs",
    "quantity.rs",
    "rule_macro.rs",
    "script.rs",
    "selector.rs",
    "serving.rs",
    "shell.rs",
    "shutdown.rs",
    "testing.rs",
    "version.rs",
    "workload.rs",
    "write.rs",
];

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
    let mut files: Vec<(String, String)> =
        SDK.iter().chain(&OTHERS).map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    files.push(("Cargo.toml".to_owned(), workspace()));
    files
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
    use std::collections::BTreeSet;

    #[test]
    fn the_whole_sdk_is_there() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies/sdk");
        let files = |folder: &str| -> Vec<String> {
            let entries = std::fs::read_dir(folder).expect("the SDK").flatten();
            let files = entries.filter(|entry| entry.path().is_file());
            files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        };
        let of_pack = files(&format!("{folder}/pack")).into_iter().map(|name| format!("pack/{name}"));
        let there: BTreeSet<String> =
            files(folder).into_iter().chain(of_pack).map(|name| format!("policies/sdk/{name}")).collect();
        let written: BTreeSet<String> = SDK.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(written, there);
    }

    #[test]
    fn the_workspace_is_without_the_host() {
        let text = workspace();
        assert!(text.contains("members = [\"policies/*\"]\n"), "{text}");
        assert!(!text.contains("host"), "{text}");
    }
}
