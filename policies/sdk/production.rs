//! Which documents count as production.

use crate::input::Input;

/// True when the input is of production:
/// * its namespace has a part (between dashes) that is `prod`, `production` or `live`, or
/// * its label `environment` or `app.kubernetes.io/environment` is `prod` or `production`, or
/// * a folder of its file is named `prod`.
///
/// The rule reads `object.metadata.labels`, `pod.metadata.labels` and `file`; for documents that
/// are no workloads `metadata.labels`.
pub fn is_production<P>(input: &Input<'_, P>) -> bool {
    let mut labels =
        ["object.metadata.labels", "pod.metadata.labels", "metadata.labels"].into_iter().flat_map(|labels| {
            ["environment", "app.kubernetes.io/environment"].map(|key| input.document.at(labels).get(key))
        });
    let folders = input.document.get("file").text().rsplit_once('/').map_or("", |(folders, _)| folders);
    input.subject.namespace.split('-').any(|part| matches!(part, "prod" | "production" | "live"))
        || labels.any(|label| matches!(label.text(), "prod" | "production"))
        || folders.split('/').any(|folder| folder == "prod")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    fn production(namespace: &str, document: &str) -> bool {
        look(namespace, document, &[], &[], is_production)
    }

    #[test]
    fn namespaces_labels_and_folders_say_production() {
        assert!(production("shop-prod", "{}"));
        assert!(production("live", "{}"));
        assert!(!production("product", "{}"));
        assert!(production("shop", r#"{"pod":{"metadata":{"labels":{"environment":"production"}}}}"#));
        assert!(production("shop", r#"{"metadata":{"labels":{"app.kubernetes.io/environment":"prod"}}}"#));
        assert!(!production("shop", r#"{"object":{"metadata":{"labels":{"environment":"staging"}}}}"#));
        assert!(production("shop", r#"{"file":"overlays/prod/cart.yaml"}"#));
        assert!(!production("shop", r#"{"file":"overlays/staging/prod"}"#));
    }
}
