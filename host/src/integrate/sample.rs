//! Objects and verdicts for the test programs of the engines.

use super::Plan;
use crate::bundle::{BundleRule, Enforcement};
use crate::decide::{BundleReference, Decision, Violation};
use serde_json::{Value, json};

impl Plan<'_> {
    /// An object of a kind that the bundle checks; a Deployment or a Pod where it checks those.
    pub(super) fn sample_object(&self, name: &str, annotations: Value) -> Value {
        let wanted = |kind: &str| self.judged.iter().find(|resource| resource.kind == kind);
        let resource = wanted("Deployment").or_else(|| wanted("Pod")).or_else(|| self.judged.first());
        let (api_version, kind) = match resource {
            Some(resource) => (resource.api_version(), resource.kind.as_str()),
            // A plan has at least one.
            None => ("v1".to_owned(), "Pod"),
        };
        let pod = json!({ "containers": [{ "name": "app", "image": "registry.example.com/shop/app:1.0.0" }] });
        let mut metadata = json!({ "name": name, "namespace": "shop" });
        if annotations.as_object().is_some_and(|annotations| !annotations.is_empty()) {
            metadata["annotations"] = annotations;
        }
        let mut object = json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata });
        match kind {
            "Pod" => object["spec"] = pod,
            "Deployment" => {
                let labels = json!({ "app": name });
                object["spec"] = json!({
                    "selector": { "matchLabels": labels },
                    "template": { "metadata": { "labels": labels }, "spec": pod },
                });
            }
            _ => {}
        }
        object
    }

    /// A verdict by one rule of each enforcement that is asked for, as every wire carries it.
    pub(super) fn sample_verdict(&self, enforcements: &[Enforcement]) -> Decision {
        let found = |enforcement: Enforcement| -> Vec<Violation> {
            let asked = enforcements.contains(&enforcement);
            asked.then(|| self.sample_violation(enforcement)).into_iter().collect()
        };
        let violations = found(Enforcement::Deny);
        let message = violations.iter().map(|violation| {
            format!("policy bundle {}@{}: 1 reason\n- {}", self.bundle.name, self.bundle.version, violation.line())
        });
        Decision {
            allowed: violations.is_empty(),
            message: message.collect(),
            warnings: found(Enforcement::Warn),
            audit: found(Enforcement::Audit),
            violations,
            exempt: Vec::new(),
            not_evaluated: Vec::new(),
            errors: Vec::new(),
            patch: None,
            bundle: BundleReference {
                name: self.bundle.name.clone(),
                version: self.bundle.version.clone(),
                // Not the real one, which changes with every rule.
                digest: format!("sha256:{}", "0".repeat(64)),
            },
        }
    }

    fn sample_violation(&self, enforcement: Enforcement) -> Violation {
        let rules = &self.bundle.rules;
        let rule: Option<&BundleRule> = rules.iter().find(|rule| rule.enforcement == enforcement).or(rules.first());
        let manifest = rule.map(|rule| &rule.source.manifest);
        Violation {
            rule: manifest.map(|manifest| manifest.id.clone()).unwrap_or_default(),
            code: "code".to_owned(),
            message: "what is wrong".to_owned(),
            severity: manifest.map_or(crate::manifest::Severity::High, |manifest| manifest.worst()),
            confidence: crate::manifest::Confidence::Certain,
            enforcement,
            path: String::new(),
            fix: "what to do".to_owned(),
            inherited: false,
        }
    }
}
