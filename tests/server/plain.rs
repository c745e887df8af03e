//! What callers and rules say reaches no log line, status page or answer raw.

use super::process::Server;
use crate::sandbox::{Answer, Told};
use crate::visible::{HOSTILE, problem};
use serde_json::{Value, json};

fn server(format: &str) -> Server {
    let finding = Told { message: HOSTILE.to_owned(), at: "/object/metadata/name".to_owned(), ..Told::default() };
    let manifest = json!({"title": HOSTILE, "why": HOSTILE, "fix": HOSTILE});
    let rule = Answer::Judged(vec![finding]).guest().saying(&manifest);
    let settings = format!("bundles: [DIR/rules]\nlog: {{format: {format}, level: debug}}\n");
    Server::start(&settings, |directory| {
        std::fs::create_dir(directory.join("rules")).unwrap();
        std::fs::write(directory.join("rules/guest.wasm"), rule).unwrap();
    })
}

fn assert_plain(text: &str) {
    assert_eq!(problem(text), None, "{text:?}");
}

#[test]
fn a_denial_is_plain_wherever_it_is_told() {
    let server = server("json");
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": HOSTILE, "namespace": HOSTILE},
        "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}});
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": HOSTILE, "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"}, "operation": "CREATE",
        "name": HOSTILE, "namespace": HOSTILE, "userInfo": {"username": HOSTILE}, "object": object}});
    let answer = server.post_json("/validate/rules", &review);
    assert_eq!(answer["response"]["allowed"], false, "{answer}");
    assert_plain(answer["response"]["status"]["message"].as_str().unwrap());
    let evaluated = server.post_json("/v1/evaluate/rules", &json!({"object": object}));
    assert_eq!(evaluated["allowed"], false, "{evaluated}");
    assert_plain(&server.get("/").body);
    assert!(server.get("/").body.contains("\\u{202e}"));
    assert_plain(&server.get("/readyz?verbose").body);
    let log = server.log();
    let denied = log.iter().find(|entry| entry["message"] == "denied").unwrap();
    // A program reads what was said; every line is an entry.
    assert_eq!(denied["name"], HOSTILE);
    assert!(log.iter().all(Value::is_object), "{log:?}");
}
