//! Kyverno: policies of `policies.kyverno.io/v1`, and a ClusterPolicy for installations that still have those.
//!
//! CEL's `http.Post` shows an answer that is an object with a `statusCode` beside its fields, and a mocked answer
//! below `body`. The server answers `{"body": …}`, so that the same expressions read both.

mod cel;
mod cluster_policy;
mod test;

use super::{File, Options, OptionsError, Plan, Purpose, kustomization, resources};
use crate::bundle::{Bundle, Enforcement};
use serde_json::{Value, json};

/// Where Kyverno runs.
const NAMESPACE: &str = "kyverno";
/// In seconds: what is left of the API server's patience for Kyverno itself is for the policies beside this one.
const TIMEOUT: u8 = 5;

/// The files for a bundle.
///
/// # Errors
/// When the options or the bundle's name are nothing that Kyverno takes.
pub fn kyverno(bundle: &Bundle, options: &Options) -> Result<Vec<File>, OptionsError> {
    let plan = Plan::new(bundle, options)?;
    let (policies, cluster_policy) = match options.cluster_policy {
        true => (Purpose::Option, Purpose::Apply),
        false => (Purpose::Apply, Purpose::Option),
    };
    let mut files = vec![
        plan.file("validating-policy.yaml", policies, VALIDATING, &plan.validating_policy()),
        plan.file("validating-policy-warnings.yaml", Purpose::Option, WARNING, &plan.warning_policy()),
        plan.file("mutating-policy.yaml", policies, MUTATING, &plan.mutating_policy()),
        plan.file("cluster-policy.yaml", cluster_policy, &plan.cluster_policy_words(), &plan.cluster_policy()),
    ];
    files.push(kustomization(options, &files));
    files.extend(test::files(&plan));
    Ok(files)
}

const VALIDATING: &str = "\
Asks for the verdict of the whole bundle in one call. Whatever is not a verdict refuses: CEL has no way to go on after
a call that failed. The call is plain HTTP unless --url says otherwise, and a NetworkPolicy says who may make it. For
https the authority must be among those that Kyverno itself trusts (its chart's `caCertificates`): a policy cannot
bring one (Kyverno 1.19).";

const WARNING: &str = "\
What the bundle warns of, and the rules that could not decide, for where somebody reads warnings: it asks a second
time, which the server answers from memory.";

const MUTATING: &str = "\
The safe fixes, as an RFC 6902 patch. While the server cannot be called, Kyverno refuses here too, whatever
`failurePolicy` says.";

impl Plan<'_> {
    /// Where the policies call.
    fn kyverno_url(&self) -> String {
        self.options.plain_url(&format!("/v1/kyverno/{}", self.bundle.name))
    }

    fn kyverno_timeout(&self) -> u8 {
        self.options.timeout.unwrap_or(TIMEOUT)
    }

    fn match_constraints(&self) -> Value {
        let rules = resources::families(&self.judged).into_iter().map(|family| {
            json!({
                "apiGroups": [family.group],
                "apiVersions": [family.version],
                "operations": ["CREATE", "UPDATE"],
                "resources": family.plurals(),
            })
        });
        json!({
            "resourceRules": rules.collect::<Vec<_>>(),
            "namespaceSelector": self.options.namespace_selector(Some(NAMESPACE)),
        })
    }

    fn policy(&self, kind: &str, name: &str, spec: Value) -> Value {
        let mut whole = json!({
            "failurePolicy": "Fail",
            "webhookConfiguration": { "timeoutSeconds": self.kyverno_timeout() },
            "matchConstraints": self.match_constraints(),
            "variables": cel::variables(&self.kyverno_url()),
        });
        if let (Value::Object(whole), Value::Object(spec)) = (&mut whole, spec) {
            whole.extend(spec);
        }
        let mut metadata = self.metadata(name);
        metadata["annotations"] = json!({
            "policies.kyverno.io/title": format!("policy-host {}", self.bundle.name),
            "policies.kyverno.io/description": self.description(),
        });
        json!({ "apiVersion": "policies.kyverno.io/v1", "kind": kind, "metadata": metadata, "spec": whole })
    }

    fn validating_policy(&self) -> Value {
        let action = match self.options.enforcement {
            Enforcement::Deny => "Deny",
            Enforcement::Warn => "Warn",
            Enforcement::Audit => "Audit",
        };
        let validation = json!({ "expression": cel::ALLOWED, "messageExpression": cel::MESSAGE });
        self.policy(
            "ValidatingPolicy",
            &self.name(),
            json!({ "validationActions": [action], "validations": [validation] }),
        )
    }

    fn warning_policy(&self) -> Value {
        let action = if self.options.enforcement == Enforcement::Audit { "Audit" } else { "Warn" };
        let validation = json!({ "expression": cel::NO_ADVICE, "messageExpression": cel::ADVICE });
        self.policy(
            "ValidatingPolicy",
            &format!("{}-warnings", self.name()),
            json!({ "validationActions": [action], "validations": [validation] }),
        )
    }

    fn mutating_policy(&self) -> Value {
        let mutation = json!({ "patchType": "JSONPatch", "jsonPatch": { "expression": cel::PATCH } });
        self.policy("MutatingPolicy", &self.name(), json!({ "mutations": [mutation] }))
    }
}
