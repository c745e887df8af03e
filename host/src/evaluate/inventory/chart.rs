//! What the files of a Helm chart have in common, so that a chart leads to its files and they lead to it.
//!
//! A path that ends in `/` stands for all files of the chart in that folder, one that ends in `/*` for the charts that are
//! vendored there. No file has such a path.

use crate::document::directory;

/// By what a chart uses its files, and the charts in `charts/`.
pub(super) fn used(folder: &str) -> [String; 2] {
    [format!("{folder}/"), below(folder, "charts/*")]
}

/// By what charts may use a file of some kind. In which chart a template lies its path alone does not say: a folder of its
/// `templates` may be called `templates` too.
pub(super) fn of_file(kind: &str, path: &str) -> Vec<String> {
    let folder = directory(path);
    match kind {
        "HelmChart" => match directory(folder) {
            above if above == "charts" || above.ends_with("/charts") => vec![format!("{above}/*")],
            _ => Vec::new(),
        },
        "HelmTemplate" | "HelmHelpers" => {
            let inner = path.match_indices("/templates/").map(|(at, _)| format!("{}/", &path[..at]));
            inner.chain(path.starts_with("templates/").then(|| "/".to_owned())).collect()
        }
        "HelmValues" if folder == "ci" || folder.ends_with("/ci") => {
            vec![format!("{folder}/"), format!("{}/", directory(folder))]
        }
        "HelmValues" | "HelmValuesSchema" | "HelmLock" | "HelmRequirements" => vec![format!("{folder}/")],
        _ => Vec::new(),
    }
}

/// A path below a folder, which is empty for the working directory.
fn below(folder: &str, path: &str) -> String {
    if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_of_the_chart_around_them() {
        for (kind, path, of) in [
            ("HelmTemplate", "svc/a/templates/pod.yaml", "svc/a/"),
            ("HelmTemplate", "templates/pod.yaml", "/"),
            ("HelmHelpers", "a/templates/templates/_x.tpl", "a/"),
            ("HelmTemplate", "a/templates/b/templates/c.yaml", "a/ a/templates/b/"),
            ("HelmValues", "a/values-prod.yaml", "a/"),
            ("HelmValues", "values.yaml", "/"),
            ("HelmValues", "a/ci/x-values.yaml", "a/ci/ a/"),
            ("HelmValues", "ci/x-values.yaml", "ci/ /"),
            ("HelmLock", "a/Chart.lock", "a/"),
            ("HelmChart", "a/charts/b/Chart.yaml", "a/charts/*"),
            ("HelmChart", "a/Chart.yaml", ""),
            ("Dockerfile", "a/charts/Dockerfile", ""),
        ] {
            assert_eq!(of_file(kind, path).join(" "), of, "{path}");
        }
        assert_eq!(used("a"), ["a/", "a/charts/*"]);
        assert_eq!(used(""), ["/", "charts/*"]);
    }
}
