//! Requests that no engine would send: refused on every wire, and never taken for something to let pass.

use super::process::Server;
use serde_json::{Value, json};

const BUNDLE: &str = "bundles: [pod-security-restricted]\n";
const NAME: &str = "pod-security-restricted";

/// What nobody may talk past: a privileged Pod that names a ReplicaSet as its owner.
fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "p", "namespace": "shop",
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "controller": true }],
        },
        "spec": { "containers": [{ "name": "app", "image": "app:1", "securityContext": { "privileged": true } }] },
    })
}

fn review(operation: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "7f2c", "operation": operation, "namespace": "shop", "name": "p",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "userInfo": { "username": "jane", "groups": ["system:authenticated"] },
            "object": pod(), "oldObject": if operation == "UPDATE" { pod() } else { Value::Null },
        },
    })
}

/// A value with something else at a place; with nothing there where it is null.
fn with(mut value: Value, pointer: &str, replacement: &Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match replacement {
        Value::Null => drop(parent.remove(key)),
        replacement => drop(parent.insert(key.to_owned(), replacement.clone())),
    }
    value
}

/// Places of a review, what stands there instead, and how it is refused.
fn faults() -> Vec<(&'static str, Value, &'static str)> {
    let other_kind = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "p" } });
    vec![
        ("/request/object", Value::Null, "`object` is missing"),
        ("/request/object", json!("a text"), "`object` is not a JSON object"),
        ("/request/object", json!([pod()]), "`object` is not a JSON object"),
        ("/request/object", json!(1), "`object` is not a JSON object"),
        ("/request/object", json!({}), "`object` has no `apiVersion`"),
        ("/request/object/kind", Value::Null, "`object` has no `kind`"),
        ("/request/object/kind", json!(7), "`object` has no `kind`"),
        ("/request/object/apiVersion", Value::Null, "`object` has no `apiVersion`"),
        ("/request/object/apiVersion", json!(["v1"]), "`object` has no `apiVersion`"),
        ("/request/object", other_kind.clone(), "`object` is `v1 ConfigMap`, and the request says that it is `v1 Pod`"),
        ("/request/object/kind", json!("pod"), "`object` is `v1 pod`, and the request says that it is `v1 Pod`"),
        (
            "/request/object/apiVersion",
            json!("apps/v1"),
            "`object` is `apps/v1 Pod`, and the request says that it is `v1 Pod`",
        ),
        ("/request/kind", Value::Null, "`kind` is missing, or lacks its version or kind"),
        ("/request/kind", json!("Pod"), "`kind` is missing, or lacks its version or kind"),
        ("/request/kind/kind", json!(["Pod"]), "`kind` is missing, or lacks its version or kind"),
        ("/request/object/metadata/namespace", json!("kube-system"), "`object` is in the namespace `kube-system`"),
        ("/request/userInfo", Value::Null, "`userInfo.username` is missing"),
        ("/request/userInfo", json!("system:kube-controller-manager"), "`userInfo.username` is missing"),
        ("/request/userInfo/username", Value::Null, "`userInfo.username` is missing"),
        ("/request/userInfo/username", json!(""), "`userInfo.username` is missing"),
        ("/request/userInfo/username", json!(["jane"]), "`userInfo.username` is not a text"),
        ("/request/userInfo/username", json!(0), "`userInfo.username` is not a text"),
        ("/request/operation", Value::Null, "`operation` must be CREATE, UPDATE, DELETE or CONNECT"),
        ("/request/operation", json!("update"), "`operation` must be CREATE, UPDATE, DELETE or CONNECT"),
    ]
}

#[test]
fn a_malformed_review_is_denied_by_validation_and_mutation() {
    let server = Server::start(BUNDLE, |_| {});
    for operation in ["CREATE", "UPDATE"] {
        for (pointer, replacement, says) in faults() {
            let review = with(review(operation), pointer, &replacement);
            for path in ["validate", "mutate"] {
                let response = &server.post_json(&format!("/{path}/{NAME}"), &review)["response"];
                let what = format!("{path} {operation} {pointer} = {replacement}: {response}");
                assert_eq!((&response["allowed"], &response["uid"]), (&json!(false), &json!("7f2c")), "{what}");
                assert_eq!(response["status"]["code"], 400, "{what}");
                let message = response["status"]["message"].as_str().unwrap();
                assert!(
                    message.starts_with("policy-host: the review is malformed: ") && message.contains(says),
                    "{what}"
                );
            }
        }
    }
    // As it should be, it is checked.
    for operation in ["CREATE", "UPDATE"] {
        let response = &server.post_json(&format!("/validate/{NAME}"), &review(operation))["response"];
        assert_eq!(
            response["status"]["code"],
            if operation == "CREATE" { json!(403) } else { Value::Null },
            "{response}"
        );
    }
}

#[test]
fn an_old_object_that_is_none_vouches_for_nothing() {
    let server = Server::start(BUNDLE, |_| {});
    let validate = format!("/validate/{NAME}");
    for old in [Value::Null, json!(""), json!({})] {
        let response = &server.post_json(&validate, &with(review("UPDATE"), "/request/oldObject", &old))["response"];
        assert_eq!(response["status"]["code"], 403, "{old}");
    }
    let deployment = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {} });
    for (old, says) in [
        (json!("a text"), "`oldObject` is not a JSON object"),
        (json!({ "kind": "Pod" }), "`oldObject` has no `apiVersion`"),
        (deployment, "`oldObject` is `apps/v1 Deployment`, and `object` is `v1 Pod`"),
    ] {
        let response = &server.post_json(&validate, &with(review("UPDATE"), "/request/oldObject", &old))["response"];
        assert!(response["status"]["message"].as_str().unwrap().ends_with(says), "{response}");
    }
}

/// The other engines' wires; Gatekeeper alone has the kind beside the object.
#[test]
fn the_other_wires_refuse_alike() {
    let server = Server::start(BUNDLE, |_| {});
    let question =
        json!({ "v": 1, "bundle": NAME, "operation": "CREATE", "user": "jane", "object": pod(), "namespace": "shop" });
    let cases = [
        ("/object", Value::Null, "`object` is missing"),
        ("/object", json!("a text"), "`object` is not a JSON object"),
        ("/object", json!({}), "`object` has no `apiVersion`"),
        ("/object/kind", json!(7), "`object` has no `kind`"),
        ("/object/metadata/namespace", json!("kube-system"), "`object` is in the namespace `kube-system`"),
        ("/oldObject", json!(3), "`oldObject` is not a JSON object"),
        ("/user", json!(["jane"]), "`user` is not a text"),
        ("/operation", json!("LIST"), "`operation` must be"),
    ];
    for (pointer, replacement, says) in cases {
        let question = with(question.clone(), pointer, &replacement);
        for wire in ["evaluate", "kyverno"] {
            let answer = server.post(&format!("/v1/{wire}/{NAME}"), &question.to_string());
            assert_eq!(answer.status, 400, "{wire} {pointer}: {answer:?}");
            assert!(answer.problem().contains(says), "{wire} {pointer}: {answer:?}");
        }
        let keys = json!({
            "apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest",
            "request": { "keys": [question.to_string()] },
        });
        let item = &server.post_json("/v1/gatekeeper", &keys)["response"]["items"][0];
        assert!(item["error"].as_str().unwrap().contains(says), "{pointer}: {item}");
        assert!(item.get("value").is_none(), "{item}");
    }
    let mut key = question;
    key["kind"] = json!({ "group": "apps", "version": "v1", "kind": "Deployment" });
    let keys = json!({
        "apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest",
        "request": { "keys": [key.to_string()] },
    });
    let item = &server.post_json("/v1/gatekeeper", &keys)["response"]["items"][0];
    let says = "the key's `object` is `v1 Pod`, and the request says that it is `apps/v1 Deployment`";
    assert_eq!(item["error"], says, "{item}");
}

/// Whoever asks for something without saying who he is, is nobody who is trusted; an audit asks for nothing.
#[test]
fn nobody_is_no_controller() {
    let server = Server::start(BUNDLE, |_| {});
    let allowed = |operation: &str, user: Value| {
        let question = json!({ "operation": operation, "user": user, "object": pod() });
        server.post_json(&format!("/v1/evaluate/{NAME}"), &question)["allowed"] == true
    };
    let controller = json!("system:serviceaccount:kube-system:replicaset-controller");
    for (operation, user, expected) in [
        ("CREATE", Value::Null, false),
        ("CREATE", json!(""), false),
        ("CREATE", json!("jane"), false),
        ("CREATE", json!("system:serviceaccount:kube-system:default"), false),
        ("CREATE", json!("system:serviceaccount:other:replicaset-controller"), false),
        ("CREATE", json!("system:kube-controller-manager2"), false),
        ("CREATE", controller, true),
        ("CREATE", json!("system:kube-controller-manager"), true),
        ("", Value::Null, true),
    ] {
        assert_eq!(allowed(operation, user.clone()), expected, "{operation} {user}");
    }
}
