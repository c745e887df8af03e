//! The server as admission webhook of the API server: no engine between them.

use super::{File, NAME, Options, TIMEOUT_SECONDS, TLS_PORT, by_group, judged, kustomization};
use crate::bundle::Bundle;
use base64::Engine as _;
use serde_json::{Value, json};

/// The files for a bundle.
pub fn webhook(bundle: &Bundle, options: &Options) -> Vec<File> {
    let webhook = |kind: Kind| configuration(bundle, options, kind);
    let mut files = vec![
        File::manifest("mutating.yaml", MUTATING_WORDS, &webhook(Kind::Mutating)),
        File::manifest("validating.yaml", VALIDATING_WORDS, &webhook(Kind::Validating)),
    ];
    files.push(kustomization(&files));
    files
}

const MUTATING_WORDS: &str = "\
The safe fixes, before anything is judged. An object that comes while the server is away is stored as it is: the
validation is what refuses.";
const VALIDATING_WORDS: &str = "\
Every rule of the bundle in one call. What cannot be judged is refused (`failurePolicy: Fail`); namespaces without
which neither the cluster nor the server could start are left alone.";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mutating,
    Validating,
}

fn configuration(bundle: &Bundle, options: &Options, kind: Kind) -> Value {
    let (configuration, path, failure_policy) = match kind {
        Kind::Mutating => ("MutatingWebhookConfiguration", "mutate", "Ignore"),
        Kind::Validating => ("ValidatingWebhookConfiguration", "validate", "Fail"),
    };
    let path = format!("/{path}/{}", bundle.name);
    let mut metadata = json!({ "name": format!("{NAME}-{}", bundle.name) });
    let mut client = match &options.url {
        Some(_) => json!({ "url": format!("{}{path}", options.tls_url()) }),
        None => json!({
            "service": { "name": NAME, "namespace": options.namespace, "path": path, "port": TLS_PORT },
        }),
    };
    match &options.ca_bundle {
        Some(authority) => client["caBundle"] = base64::engine::general_purpose::STANDARD.encode(authority).into(),
        None => {
            let certificate = format!("{}/{NAME}", options.namespace);
            metadata["annotations"] = json!({ "cert-manager.io/inject-ca-from": certificate });
        }
    }
    let mut webhook = json!({
        "name": format!("{}.policy-host.dev", bundle.name),
        "clientConfig": client,
        "rules": rules(bundle, kind),
        "namespaceSelector": options.namespace_selector(None),
        "matchConditions": conditions(options),
        "matchPolicy": "Equivalent",
        "failurePolicy": failure_policy,
        "sideEffects": "None",
        "timeoutSeconds": TIMEOUT_SECONDS,
        "admissionReviewVersions": ["v1"],
    });
    if kind == Kind::Mutating {
        webhook["reinvocationPolicy"] = "IfNeeded".into();
    }
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": configuration,
        "metadata": metadata,
        "webhooks": [webhook],
    })
}

fn rules(bundle: &Bundle, kind: Kind) -> Vec<Value> {
    let rule = |(group, mut resources): (String, Vec<String>)| {
        // What brings containers into a pod that is there already.
        if group.is_empty() && kind == Kind::Validating && resources.iter().any(|resource| resource == "pods") {
            resources.extend(["pods/ephemeralcontainers", "pods/resize"].map(str::to_owned));
        }
        json!({
            "apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
            "resources": resources, "scope": "*",
        })
    };
    by_group(&judged(bundle)).into_iter().map(rule).collect()
}

/// Who is never judged: whoever would have to act for the server to come back.
fn conditions(options: &Options) -> Value {
    let account = format!("system:serviceaccount:{}:{NAME}", options.namespace);
    json!([
        // The API server writes its own roles when it starts.
        { "name": "not-the-api-server", "expression": "request.userInfo.username != 'system:apiserver'" },
        // The mirrors of static pods: they run whether the API has them or not.
        { "name": "not-a-kubelet", "expression": "!('system:nodes' in request.userInfo.groups)" },
        { "name": "not-policy-host", "expression": format!("request.userInfo.username != '{account}'") },
    ])
}
