//! Gatekeeper: one template that asks for the verdict of the whole bundle, its constraints, and the provider.
//!
//! One template, because Gatekeeper evaluates templates one after another and each would ask anew; the
//! constraints of one template share one question.

mod catalog;
mod gator;

use super::{File, Options, OptionsError, Plan, Purpose, base64, resources};
use crate::bundle::{Bundle, Enforcement};
use crate::digest::hex;
use serde_json::{Value, json};

const ENGINE: &str = "Gatekeeper";
/// Where Gatekeeper runs.
const NAMESPACE: &str = "gatekeeper-system";
/// In seconds. Less than the three after which Gatekeeper's webhook is given up, and by default skipped.
const TIMEOUT: u8 = 2;
const REGO: &str = include_str!("template.rego");

/// The files for a bundle.
///
/// # Errors
/// When the options or the bundle's name are nothing that Gatekeeper takes.
pub fn gatekeeper(bundle: &Bundle, options: &Options) -> Result<Vec<File>, OptionsError> {
    let plan = Plan::new(bundle, options)?;
    let mut files = vec![
        plan.file("provider.yaml", Purpose::Apply, PROVIDER, &plan.provider()?),
        plan.file("template.yaml", Purpose::Apply, TEMPLATE, &plan.template(&plan.rego())),
    ];
    for enforcement in plan.constrained().into_iter().rev() {
        let (path, words) = (constraint_path(enforcement), constraint_words(enforcement));
        files.push(plan.file(path, Purpose::Apply, words, &plan.constraint(enforcement)));
    }
    let purpose = if options.image_digests { Purpose::Apply } else { Purpose::Option };
    files.push(plan.file("assign-image-digests.yaml", purpose, ASSIGN, &plan.assign()));
    files.push(plan.file("catalog.yaml", Purpose::Test, CATALOG, &plan.catalog()));
    files.extend(gator::files(&plan));
    Ok(files)
}

const PROVIDER: &str = "\
Where Gatekeeper asks. It calls only https and trusts nothing but `caBundle`: write the authority of the server's
certificate there, or generate this with --ca-bundle. Without it every question fails, and every object is refused.
`timeout` is in seconds; left out it would be none. Keep it below the timeout of Gatekeeper's webhook (3 s), which
lets everything pass once it is over.";

const TEMPLATE: &str = "\
Asks for the verdict of the whole bundle in one question. Whatever is not a verdict refuses.";

const ASSIGN: &str = "\
Replaces images by their form with a digest, as the server's setting `gatekeeper.imageDigests` has it. An image that
is not there is refused: apply this only where all are.";

const CATALOG: &str = "\
For `gator policy`: have this folder served over https, set GATOR_CATALOG_URL to this file, then
`gator policy update` and `gator policy install --bundle BUNDLE`. The Provider is no policy: apply it yourself.";

fn constraint_path(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::Deny => "constraint.yaml",
        Enforcement::Warn => "constraint-warnings.yaml",
        Enforcement::Audit => "constraint-audit.yaml",
    }
}

fn constraint_words(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::Deny => "What the bundle denies.",
        Enforcement::Warn => "What the bundle warns of, and the rules that could not decide.",
        Enforcement::Audit => "What the bundle only records.",
    }
}

/// An enforcement as bundles and `levels` name it.
fn level(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::Deny => "deny",
        Enforcement::Warn => "warn",
        Enforcement::Audit => "audit",
    }
}

impl Plan<'_> {
    /// The kind of the constraints: `PolicyHostTwelveFactor`.
    fn constraint_kind(&self) -> String {
        let words = self.bundle.name.split('-').filter(|word| !word.is_empty());
        words.fold("PolicyHost".to_owned(), |kind, word| {
            let (first, rest) = word.split_at(1);
            kind + &first.to_ascii_uppercase() + rest
        })
    }

    /// The template's name: Gatekeeper wants the kind in lower case.
    fn template_name(&self) -> String {
        self.constraint_kind().to_ascii_lowercase()
    }

    fn constraint_name(&self, enforcement: Enforcement) -> String {
        match enforcement {
            Enforcement::Deny => self.name(),
            Enforcement::Warn => format!("{}-warnings", self.name()),
            Enforcement::Audit => format!("{}-audit", self.name()),
        }
    }

    /// The enforcements that have a constraint. Rules that could not decide are told as warnings, so that there
    /// is one for these whatever the rules' own enforcements are.
    fn constrained(&self) -> Vec<Enforcement> {
        let audits = self.bundle.rules.iter().any(|rule| rule.enforcement == Enforcement::Audit);
        let mut enforcements = vec![Enforcement::Deny, Enforcement::Warn];
        enforcements.extend(audits.then_some(Enforcement::Audit));
        enforcements
    }

    fn rego(&self) -> String {
        REGO.replace("{{package}}", &self.template_name())
            .replace("{{bundle}}", &self.bundle.name)
            .replace("{{provider}}", &self.options.name)
    }

    fn provider(&self) -> Result<Value, OptionsError> {
        let mut spec = json!({
            "url": self.options.tls_url(ENGINE, "/v1/gatekeeper")?,
            "timeout": self.options.timeout.unwrap_or(TIMEOUT),
        });
        if let Some(authority) = &self.options.authority {
            spec["caBundle"] = base64(authority).into();
        }
        Ok(json!({
            "apiVersion": "externaldata.gatekeeper.sh/v1beta1",
            "kind": "Provider",
            "metadata": self.metadata(&self.options.name),
            "spec": spec,
        }))
    }

    fn template(&self, rego: &str) -> Value {
        let mut metadata = self.metadata(&self.template_name());
        metadata["annotations"] = json!({
            "metadata.gatekeeper.sh/title": format!("policy-host {}", self.bundle.name),
            "metadata.gatekeeper.sh/version": self.version(),
            "description": self.description(),
        });
        json!({
            "apiVersion": "templates.gatekeeper.sh/v1",
            "kind": "ConstraintTemplate",
            "metadata": metadata,
            "spec": {
                "crd": { "spec": {
                    "names": { "kind": self.constraint_kind() },
                    "validation": { "openAPIV3Schema": parameters_schema() },
                } },
                "targets": [{ "target": "admission.k8s.gatekeeper.sh", "rego": rego }],
            },
        })
    }

    /// The bundle's version; Gatekeeper's own programs want one.
    fn version(&self) -> &str {
        if self.bundle.version.is_empty() { "0.0.0" } else { &self.bundle.version }
    }

    fn constraint(&self, enforcement: Enforcement) -> Value {
        let kinds: Vec<Value> = self
            .families()
            .iter()
            .map(|family| json!({ "apiGroups": [family.group], "kinds": family.kinds() }))
            .collect();
        let mut parameters = json!({ "bundle": self.bundle.name, "levels": [level(enforcement)] });
        if self.options.digest {
            parameters["digest"] = hex(&self.bundle.fingerprint).into();
        }
        let mut spec = enforced(enforcement, self.options.enforcement);
        spec["match"] = json!({
            "kinds": kinds,
            "excludedNamespaces": self.options.exempt_namespaces(Some(NAMESPACE)),
        });
        spec["parameters"] = parameters;
        json!({
            "apiVersion": "constraints.gatekeeper.sh/v1beta1",
            "kind": self.constraint_kind(),
            "metadata": self.metadata(&self.constraint_name(enforcement)),
            "spec": spec,
        })
    }

    fn families(&self) -> Vec<resources::Family<'_>> {
        resources::families(&self.judged)
    }

    fn assign(&self) -> Value {
        json!({
            "apiVersion": "mutations.gatekeeper.sh/v1",
            "kind": "Assign",
            "metadata": self.metadata(&format!("{}-image-digests", self.options.name)),
            "spec": {
                "applyTo": [
                    { "groups": ["apps"], "versions": ["v1"], "kinds": ["DaemonSet", "Deployment", "StatefulSet"] },
                ],
                "match": {
                    "scope": "Namespaced",
                    "excludedNamespaces": self.options.exempt_namespaces(Some(NAMESPACE)),
                },
                "location": "spec.template.spec.containers[name:*].image",
                "parameters": { "assign": { "externalData": {
                    "provider": self.options.name, "dataSource": "ValueAtLocation", "failurePolicy": "Fail",
                } } },
            },
        })
    }
}

/// What a constraint does with what it finds, where the most that is wanted may be less than it asks for.
fn enforced(enforcement: Enforcement, most: Enforcement) -> Value {
    match (most, enforcement) {
        // Nothing is asked at admission, where it would cost time.
        (Enforcement::Audit, _) => json!({
            "enforcementAction": "scoped",
            "scopedEnforcementActions": [{
                "action": if enforcement == Enforcement::Deny { "deny" } else { "warn" },
                "enforcementPoints": [{ "name": "audit.gatekeeper.sh" }, { "name": "gator.gatekeeper.sh" }],
            }],
        }),
        (_, Enforcement::Audit) => json!({ "enforcementAction": "dryrun" }),
        (Enforcement::Warn, _) | (_, Enforcement::Warn) => json!({ "enforcementAction": "warn" }),
        (Enforcement::Deny, Enforcement::Deny) => json!({ "enforcementAction": "deny" }),
    }
}

fn parameters_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "bundle": { "type": "string", "description": "The bundle to check with, by the server's name for it." },
            "digest": {
                "type": "string",
                "pattern": "^([0-9a-f]{64})?$",
                "description": "The bundle that this was generated from; part of the question, so that no cache \
                                answers for another.",
            },
            "levels": {
                "type": "array",
                "description": "The enforcements of the bundle whose findings become violations; `deny` without it.",
                "items": { "type": "string", "enum": ["deny", "warn", "audit"] },
            },
        },
    })
}
