//! Kyverno: policies of `policies.kyverno.io/v1`, and a ClusterPolicy for installations that still have those.
//!
//! CEL's `http.Post` shows an answer that is an object with its `statusCode` beside its fields, and a mocked one
//! under `body`; the server answers `{"body": …}`, so that the same expression reads both.

use super::{File, NAME, Options, Resource, judged};
use crate::bundle::Bundle;
use serde_json::{Value, json};

const SYSTEM: &str = "kyverno";
/// Kyverno waits so long for a policy, the call in it included; in seconds.
const TIMEOUT_SECONDS: u32 = 5;

/// The files for a bundle.
pub fn kyverno(bundle: &Bundle, options: &Options) -> Vec<File> {
    let name = format!("{NAME}-{}", bundle.name);
    let resources = judged(bundle);
    let url = format!("{}/v1/kyverno/{}", options.plain_url(), bundle.name);
    let shared = Shared { name, resources, url, options };
    vec![
        File::manifest("validating-policy.yaml", VALIDATING_WORDS, &shared.validating_policy()),
        File::manifest("mutating-policy.yaml", MUTATING_WORDS, &shared.mutating_policy()),
        File::manifest("cluster-policy.yaml", CLUSTER_WORDS, &shared.cluster_policy()),
        shared.test("allowed", true),
        shared.test("denied", false),
        shared.sample("allowed"),
        shared.sample("denied"),
    ]
}

const VALIDATING_WORDS: &str = "\
The verdict of the whole bundle in one call. Plain http inside the cluster, since Kyverno makes a connection with a
CA of its own anew for each call; a NetworkPolicy says who may. Kyverno's `httpBlocklist` must not hold the service.";
const MUTATING_WORDS: &str =
    "The safe fixes. It refuses while the server is away, as every mutation of Kyverno's does.";
const CLUSTER_WORDS: &str = "\
For Kyverno before policies.kyverno.io/v1; use one of this and validating-policy.yaml.";

struct Shared<'o> {
    name: String,
    resources: Vec<Resource>,
    url: String,
    options: &'o Options,
}

impl Shared<'_> {
    fn match_constraints(&self) -> Value {
        let rule = |(group, resources): (String, Vec<String>)| {
            json!({
                "apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": resources,
            })
        };
        let rules: Vec<Value> = super::by_group(&self.resources).into_iter().map(rule).collect();
        json!({ "resourceRules": rules, "namespaceSelector": self.options.namespace_selector(Some(SYSTEM)) })
    }

    /// The call, once for all expressions of a policy.
    fn variables(&self) -> Value {
        let client = match self.options.ca_bundle.as_deref().filter(|_| self.url.starts_with("https:")) {
            Some(authority) => format!("http.Client({})", cel_string(authority)),
            None => "http".to_owned(),
        };
        let call = format!(
            "{client}.Post({},\n  {{\"operation\": dyn(string(request.operation)), \"object\": dyn(object), \
             \"oldObject\": dyn(oldObject),\n   \"user\": dyn(has(request.userInfo.username) ? string(request.userInfo.username) : \"\")}},\n  \
             {{\"Content-Type\": \"application/json\"}})",
            cel_string(&self.url)
        );
        json!([{ "name": "answer", "expression": call }])
    }

    fn validating_policy(&self) -> Value {
        let allowed = "variables.answer.statusCode == 200 && has(variables.answer.body.allowed) && \
                       variables.answer.body.allowed == true";
        let message = "has(variables.answer.body) && has(variables.answer.body.message) ? \
                       string(variables.answer.body.message) : \"policy-host gave no verdict\"";
        json!({
            "apiVersion": "policies.kyverno.io/v1",
            "kind": "ValidatingPolicy",
            "metadata": { "name": self.name },
            "spec": {
                "validationActions": ["Deny"],
                "failurePolicy": "Fail",
                "webhookConfiguration": { "timeoutSeconds": TIMEOUT_SECONDS },
                "evaluation": { "admission": { "enabled": true }, "background": { "enabled": true } },
                "matchConstraints": self.match_constraints(),
                "variables": self.variables(),
                "validations": [{ "expression": allowed, "messageExpression": message }],
            },
        })
    }

    fn mutating_policy(&self) -> Value {
        let patch = "variables.answer.body.patch.map(p, has(p.value)\n  \
                     ? JSONPatch{op: string(p.op), path: string(p.path), value: p.value}\n  \
                     : JSONPatch{op: string(p.op), path: string(p.path)})";
        json!({
            "apiVersion": "policies.kyverno.io/v1",
            "kind": "MutatingPolicy",
            "metadata": { "name": self.name },
            "spec": {
                "failurePolicy": "Fail",
                "webhookConfiguration": { "timeoutSeconds": TIMEOUT_SECONDS },
                "matchConstraints": self.match_constraints(),
                "variables": self.variables(),
                "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": patch } }],
            },
        })
    }

    fn cluster_policy(&self) -> Value {
        // A kind that the cluster does not know would have the policy refused.
        let kinds: Vec<String> = self
            .resources
            .iter()
            .filter(|resource| resource.is_built_in)
            .map(|resource| {
                let group = if resource.group.is_empty() { String::new() } else { format!("{}/", resource.group) };
                format!("{group}*/{}", resource.kind)
            })
            .collect();
        let mut service = json!({
            "url": self.url,
            "headers": [{ "key": "Content-Type", "value": "application/json" }],
        });
        if let Some(authority) = self.options.ca_bundle.as_ref().filter(|_| self.url.starts_with("https:")) {
            service["caBundle"] = authority.clone().into();
        }
        json!({
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": { "name": self.name },
            "spec": {
                "background": false,
                "webhookConfiguration": { "failurePolicy": "Fail", "timeoutSeconds": TIMEOUT_SECONDS },
                "rules": [{
                    "name": "verdict",
                    "match": { "any": [{ "resources": { "kinds": kinds, "operations": ["CREATE", "UPDATE"] } }] },
                    "exclude": { "any": [{ "resources": { "namespaces": self.options.exempt_namespaces(Some(SYSTEM)) } }] },
                    "context": [{
                        "name": "verdict",
                        "apiCall": {
                            "method": "POST",
                            "data": [
                                { "key": "operation", "value": "{{ request.operation }}" },
                                { "key": "object", "value": "{{ request.object }}" },
                                { "key": "oldObject", "value": "{{ request.oldObject || '' }}" },
                                { "key": "user", "value": "{{ request.userInfo.username || '' }}" },
                            ],
                            "service": service,
                            "jmesPath": "body",
                        },
                    }],
                    "validate": {
                        "failureAction": "Enforce",
                        "message": "{{ verdict.message }}",
                        "deny": { "conditions": { "all": [
                            { "key": "{{ verdict.allowed }}", "operator": "NotEquals", "value": true },
                        ] } },
                    },
                }],
            },
        })
    }

    /// Mocks are by URL, and not by what is sent, so each answer has a test of its own.
    fn test(&self, name: &str, allowed: bool) -> File {
        let message = if allowed { "" } else { "policy bundle: 1 reason" };
        let test = json!({
            "apiVersion": "cli.kyverno.io/v1alpha1",
            "kind": "Test",
            "metadata": { "name": format!("{}-{name}", self.name) },
            "policies": ["../../validating-policy.yaml"],
            "resources": ["resource.yaml"],
            "apiCallResponses": [{
                "url": self.url,
                "method": "POST",
                "response": { "statusCode": 200, "body": { "allowed": allowed, "message": message, "patch": [] } },
            }],
            "results": [{
                "policy": self.name, "kind": "Deployment", "resources": [name],
                "isValidatingPolicy": true, "result": if allowed { "pass" } else { "fail" },
            }],
        });
        File::example(&format!("test/{name}/kyverno-test.yaml"), "kyverno test test/", &test)
    }

    fn sample(&self, name: &str) -> File {
        let object = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": name, "namespace": "shop" },
            "spec": {
                "selector": { "matchLabels": { "app": name } },
                "template": {
                    "metadata": { "labels": { "app": name } },
                    "spec": { "containers": [{ "name": "app", "image": "registry.example.com/app:1.0.0" }] },
                },
            },
        });
        File::example(&format!("test/{name}/resource.yaml"), "", &object)
    }
}

/// A text as a CEL string, whose escapes are JSON's.
fn cel_string(text: &str) -> String {
    Value::from(text).to_string()
}
