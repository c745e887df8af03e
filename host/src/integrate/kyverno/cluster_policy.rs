//! The ClusterPolicy: `kyverno.io/v1`, on its way out since Kyverno 1.17.

use super::super::{Plan, resources::Resource};
use super::NAMESPACE;
use crate::bundle::Enforcement;
use serde_json::{Value, json};

const WORDS: &str = "\
For Kyverno without policies.kyverno.io/v1: this in place of the other policies, not beside them. It mends nothing.";

impl Plan<'_> {
    pub(super) fn cluster_policy_name(&self) -> String {
        // Kyverno's programs take a ValidatingPolicy of the same name for this.
        format!("{}-cluster", self.name())
    }

    /// Kyverno refuses a policy about a kind that the cluster does not have, so that only Kubernetes' own are in.
    fn own_kinds(&self) -> impl Iterator<Item = &Resource> {
        self.judged.iter().filter(|resource| resource.version.is_some())
    }

    pub(super) fn cluster_policy_words(&self) -> String {
        let custom = self.judged.iter().filter(|resource| resource.version.is_none());
        let custom: Vec<String> =
            custom.map(|resource| format!("\n  {}/*/{}", resource.group, resource.kind)).collect();
        if custom.is_empty() {
            return WORDS.to_owned();
        }
        format!(
            "{WORDS}\nAdd these kinds where the cluster has them; without them the policy would be refused:{}",
            custom.concat()
        )
    }

    pub(super) fn cluster_policy(&self) -> Value {
        let kinds = self.own_kinds().map(|resource| format!("{}/{}", resource.api_version(), resource.kind));
        let action = if self.options.enforcement == Enforcement::Deny { "Enforce" } else { "Audit" };
        let mut metadata = self.metadata(&self.cluster_policy_name());
        metadata["annotations"] = json!({
            "policies.kyverno.io/title": format!("policy-host {}", self.bundle.name),
            "policies.kyverno.io/description": self.description(),
            // All kinds with a pod template are named already.
            "pod-policies.kyverno.io/autogen-controllers": "none",
        });
        let exempt = json!({ "resources": { "namespaces": self.options.exempt_namespaces(Some(NAMESPACE)) } });
        json!({
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": metadata,
            "spec": {
                // Kyverno lets no policy that looks at the user scan what is there already.
                "background": false,
                "webhookConfiguration": { "failurePolicy": "Fail", "timeoutSeconds": self.kyverno_timeout() },
                "rules": [{
                    "name": "verdict",
                    "match": { "any": [{ "resources": {
                        "kinds": kinds.collect::<Vec<_>>(), "operations": ["CREATE", "UPDATE"],
                    } }] },
                    "exclude": { "any": [exempt] },
                    "context": [{ "name": "verdict", "apiCall": self.api_call() }],
                    "validate": {
                        "failureAction": action,
                        "message": "{{ verdict.message }}",
                        "deny": { "conditions": { "all": [
                            { "key": "{{ verdict.allowed }}", "operator": "NotEquals", "value": true },
                        ] } },
                    },
                }],
            },
        })
    }

    /// Without a `default`: a call that fails is an error of the rule, which refuses. Where there is no old object,
    /// its variable is not even known.
    fn api_call(&self) -> Value {
        let mut service = json!({
            "url": self.kyverno_url(),
            "headers": [{ "key": "Content-Type", "value": "application/json" }],
        });
        // Kyverno then makes a connection of its own for every call.
        if let Some(authority) = self.options.authority.as_ref().filter(|_| self.kyverno_url().starts_with("https://"))
        {
            service["caBundle"] = authority.as_str().into();
        }
        json!({
            "method": "POST",
            "data": [
                { "key": "operation", "value": "{{ request.operation || '' }}" },
                { "key": "object", "value": "{{ request.object }}" },
                { "key": "oldObject", "value": "{{ request.oldObject || `null` }}" },
                { "key": "user", "value": "{{ request.userInfo.username || '' }}" },
            ],
            "service": service,
            "jmesPath": "body",
        })
    }
}
