//! Which documents count as production.

use crate::input::Input;
use crate::parameter::list;
use crate::repository::files::folder;
use crate::uses::{self, Uses};

crate::record! {
    /// What says that a document is of production; each of these is enough.
    pub Signs {
        /// Parts, between dashes, of the namespace's name.
        pub namespace_parts, "namespaceParts": Vec<String> = list(["prod", "production", "live"]);
        /// Labels that name the environment.
        pub labels, "labels": Vec<String> = list(["environment", "app.kubernetes.io/environment"]);
        /// Their values.
        pub label_values, "labelValues": Vec<String> = list(["prod", "production"]);
        /// Names of folders above the file.
        pub folders, "folders": Vec<String> = list(["prod"]);
    }
}

crate::setting! {
    /// What says that a document is of production.
    pub ProductionSigns, "production": Signs = Signs::default();
}

crate::usable! {
    /// Whether a workload is of production.
    pub Production {
        reads: ["file", "object.metadata.labels", "pod.metadata.labels"],
        setting: ProductionSigns,
    }
    /// Whether a document that is no workload is of production.
    pub ProductionObject {
        reads: ["file", "metadata.labels"],
        setting: ProductionSigns,
    }
}

/// True when the workload is of production.
pub fn is_production<P: Uses<Production>>(input: &Input<'_, P>) -> bool {
    has_sign(input, &["object.metadata.labels", "pod.metadata.labels"])
}

/// True when the document, which is no workload, is of production.
pub fn is_production_object<P: Uses<ProductionObject>>(input: &Input<'_, P>) -> bool {
    has_sign(input, &["metadata.labels"])
}

fn has_sign<P>(input: &Input<'_, P>, labels: &[&str]) -> bool {
    let signs: Signs = uses::read::<ProductionSigns, P>(input);
    let has = |signs: &[String], text: &str| signs.iter().any(|sign| sign == text);
    let folders = folder(input.document.get("file").text());
    let values = labels.iter().flat_map(|path| {
        let labels = input.document.at(path);
        signs.labels.iter().map(move |key| labels.get(key))
    });
    // A Namespace is in none: its own name counts.
    let subject = input.subject;
    let namespace = if subject.kind == "Namespace" { &subject.name } else { &subject.namespace };
    namespace.split('-').any(|part| has(&signs.namespace_parts, part))
        || values.into_iter().any(|value| has(&signs.label_values, value.text()))
        || folders.split('/').any(|folder| has(&signs.folders, folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{look, look_at};

    fn production(namespace: &str, document: &str) -> bool {
        look(namespace, document, &[], &[], |input| is_production(input) || is_production_object(input))
    }

    #[test]
    fn namespaces_labels_and_folders_say_production() {
        assert!(production("shop-prod", "{}"));
        assert!(production("live", "{}"));
        assert!(!production("product", "{}"));
        // The Namespace `cart` is in none; `look` names every document so.
        assert!(!look_at("Namespace", "{}", is_production_object));
        assert!(production("shop", r#"{"pod":{"metadata":{"labels":{"environment":"production"}}}}"#));
        assert!(production("shop", r#"{"metadata":{"labels":{"app.kubernetes.io/environment":"prod"}}}"#));
        assert!(!production("shop", r#"{"object":{"metadata":{"labels":{"environment":"staging"}}}}"#));
        assert!(production("shop", r#"{"file":"overlays/prod/cart.yaml"}"#));
        assert!(!production("shop", r#"{"file":"overlays/staging/prod"}"#));
    }
}
