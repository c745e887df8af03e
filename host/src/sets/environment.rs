//! Directories whose names say that they hold one environment of several.

/// Words for environments, as directories are called.
const WORDS: [&str; 29] = [
    "acceptance",
    "canary",
    "ci",
    "demo",
    "dev",
    "devel",
    "develop",
    "development",
    "integration",
    "live",
    "local",
    "nonprod",
    "perf",
    "preprod",
    "preproduction",
    "prd",
    "preview",
    "prod",
    "production",
    "qa",
    "sandbox",
    "sit",
    "stage",
    "staging",
    "stg",
    "test",
    "testing",
    "tst",
    "uat",
];

/// Directories of which every child is an environment.
const HOLDERS: [&str; 7] = ["clusters", "env", "environments", "envs", "overlay", "overlays", "stages"];

/// Children of those that are for all environments.
const SHARED: [&str; 8] = ["all", "base", "common", "components", "default", "global", "lib", "shared"];

/// Whether a directory holds one environment, by its name and that of the directory it is in: `prod`, `eu-prod`,
/// `overlays/small`.
pub(super) fn is_environment(parent: &str, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if SHARED.contains(&name.as_str()) {
        return false;
    }
    let is_word = |word: &str| WORDS.contains(&word);
    let separators = ['-', '_', '.'];
    let (first, last) = (name.split(separators).next(), name.rsplit(separators).next());
    HOLDERS.contains(&parent.to_ascii_lowercase().as_str())
        || is_word(&name)
        || first.is_some_and(is_word)
        || last.is_some_and(is_word)
}

#[cfg(test)]
mod tests {
    use super::is_environment;

    #[test]
    fn environments_are_told_by_their_names() {
        for (parent, name) in
            [("", "prod"), ("k8s", "Staging"), ("", "eu-prod"), ("", "dev_2"), ("overlays", "small"), ("envs", "x")]
        {
            assert!(is_environment(parent, name), "{parent}/{name}");
        }
        for (parent, name) in
            [("", "base"), ("overlays", "base"), ("", "product"), ("", "apps"), ("", "contest"), ("envs", "common")]
        {
            assert!(!is_environment(parent, name), "{parent}/{name}");
        }
    }
}
