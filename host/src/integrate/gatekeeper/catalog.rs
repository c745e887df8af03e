//! A catalog for `gator policy`, which can install nothing but templates and constraints.

use super::super::Plan;
use super::constraint_path;
use crate::bundle::Enforcement;
use serde_json::{Map, Value, json};

impl Plan<'_> {
    /// Of one policy, the template, with a bundle for each constraint: the bundle's own name for what it denies.
    pub(super) fn catalog(&self) -> Value {
        let name = |enforcement: Enforcement| match enforcement {
            Enforcement::Deny => self.bundle.name.clone(),
            Enforcement::Warn => format!("{}-warnings", self.bundle.name),
            Enforcement::Audit => format!("{}-audit", self.bundle.name),
        };
        let template = self.template_name();
        let bundle = |enforcement: &Enforcement| json!({ "name": name(*enforcement), "description": self.description(), "policies": [template] });
        let enforcements = self.constrained();
        let paths = enforcements.iter().map(|enforcement| (name(*enforcement), constraint_path(*enforcement).into()));
        let version = format!("v{}", self.version());
        json!({
            "apiVersion": "gator.gatekeeper.sh/v1alpha1",
            "kind": "PolicyCatalog",
            "metadata": { "name": self.options.name, "version": version },
            "bundles": enforcements.iter().map(bundle).collect::<Vec<_>>(),
            "policies": [{
                "name": template,
                "version": version,
                "description": self.description(),
                "category": "general",
                "templatePath": "template.yaml",
                "bundles": enforcements.iter().map(|enforcement| name(*enforcement)).collect::<Vec<_>>(),
                "bundleConstraints": paths.collect::<Map<String, Value>>(),
            }],
        })
    }
}
