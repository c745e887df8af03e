//! Tests for `kyverno test`, in which the server's answer is mocked.
//!
//! Mocks are found by URL, whatever is asked, so that each answer has a test of its own. CEL is shown the mocked
//! body as `body`, a ClusterPolicy as the whole answer.

use super::super::{File, Plan, Purpose};
use crate::bundle::Enforcement;
use crate::decide::Decision;
use serde_json::{Value, json};

const WORDS: &str = "Run by `kyverno test .` in the folder above.";

pub(super) fn files(plan: &Plan<'_>) -> Vec<File> {
    let (clean, violating) = (plan.sample_verdict(&[]), plan.sample_verdict(&[Enforcement::Deny]));
    let warned = plan.sample_verdict(&[Enforcement::Warn]);
    let patch = json!([{ "op": "add", "path": "/metadata/annotations", "value": { "policy-host/mended": "yes" } }]);
    let mending = Decision { patch: Some(patch), ..plan.sample_verdict(&[]) };
    let bare = |decision: &Decision| json!(decision);
    let whole = |decision: &Decision| json!({ "body": decision });
    let (name, warning) = (plan.name(), format!("{}-warnings", plan.name()));
    let validating =
        |result: &str, policy: &str| json!({ "policy": policy, "isValidatingPolicy": true, "result": result });
    let mutating = |result: &str| json!({ "policy": name, "isMutatingPolicy": true, "result": result });
    let cluster = |result: &str| json!({ "policy": plan.cluster_policy_name(), "rule": "verdict", "result": result });
    let mut mended = mutating("pass");
    mended["patchedResources"] = "patched.yaml".into();
    let cases = [
        ("validating-policy", "allowed", bare(&clean), validating("pass", &name)),
        ("validating-policy", "denied", bare(&violating), validating("fail", &name)),
        ("validating-policy-warnings", "allowed", bare(&clean), validating("pass", &warning)),
        ("validating-policy-warnings", "warned", bare(&warned), validating("fail", &warning)),
        ("mutating-policy", "mended", bare(&mending), mended),
        ("cluster-policy", "allowed", whole(&clean), cluster("pass")),
        ("cluster-policy", "denied", whole(&violating), cluster("fail")),
    ];
    let mut files = Vec::new();
    for (policy, scenario, body, result) in cases {
        let object = plan.sample_object("sample", json!({}));
        let file = |name: &str, words: &str, value: &Value| {
            plan.file(&format!("test/{policy}-{scenario}/{name}"), Purpose::Test, words, value)
        };
        files.push(file("kyverno-test.yaml", WORDS, &plan.kyverno_test(policy, scenario, &body, result, &object)));
        files.push(file("resource.yaml", "", &object));
        if scenario == "mended" {
            files.push(file("patched.yaml", "", &plan.sample_object("sample", json!({ "policy-host/mended": "yes" }))));
        }
    }
    files
}

impl Plan<'_> {
    fn kyverno_test(&self, policy: &str, scenario: &str, body: &Value, mut result: Value, object: &Value) -> Value {
        result["kind"] = object["kind"].clone();
        result["resources"] = json!([object["metadata"]["name"]]);
        json!({
            "apiVersion": "cli.kyverno.io/v1alpha1",
            "kind": "Test",
            "metadata": { "name": format!("{}-{policy}-{scenario}", self.bundle.name) },
            "policies": [format!("../../{policy}.yaml")],
            "resources": ["resource.yaml"],
            "apiCallResponses": [{
                "url": self.kyverno_url(),
                "method": "POST",
                "response": { "statusCode": 200, "body": body },
            }],
            "results": [result],
        })
    }
}
