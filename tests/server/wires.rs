//! What each engine asks, and how it is answered.

use super::process::Server;
use base64::Engine as _;
use serde_json::{Value, json};

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "shop" },
        "spec": {
            "replicas": 3,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "app", "image": "registry.example/web:1.4.2", "securityContext": {} }] },
            },
        },
    })
}

fn review(operation: &str, object: Value) -> Value {
    let api_version = object["apiVersion"].as_str().unwrap_or("v1");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let kind = object["kind"].as_str().unwrap_or("Pod");
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "7f2c", "operation": operation, "namespace": "shop",
            "kind": { "group": group, "version": version, "kind": kind },
            "userInfo": { "username": "jane@example.com", "groups": ["system:authenticated"] },
            "object": object,
        },
    })
}

const RESTRICTED: &str = "bundles: [pod-security-restricted]\n";

fn patched(mut object: Value, response: &Value) -> Value {
    let patch = base64::engine::general_purpose::STANDARD.decode(response["patch"].as_str().unwrap()).unwrap();
    let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
    json_patch::patch(&mut object, &patch).unwrap();
    object
}

#[test]
fn a_validation_names_every_violation_and_its_cure() {
    let server = Server::start(RESTRICTED, |_| {});
    let mut answer = server.post_json("/validate/pod-security-restricted", &review("CREATE", deployment()));
    let bundle = answer["response"]["auditAnnotations"]["bundle"].take();
    assert!(bundle.as_str().unwrap().starts_with("pod-security-restricted@0.1.0 sha256:"));
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../snapshots", omit_expression => true }, {
        insta::assert_snapshot!("admission-denied", serde_json::to_string_pretty(&answer).unwrap());
    });
}

#[test]
fn a_mutation_cures_and_what_it_cured_is_allowed() {
    let server = Server::start("bundles: [DIR/safe.yaml]\n", |directory| {
        let bundle =
            "name: safe\nversion: 1.0.0\nrules: [pss-privilege-escalation, prestop-drain-hook, grace-covers-prestop]\n";
        std::fs::write(directory.join("safe.yaml"), bundle).unwrap();
    });
    let mut object = deployment();
    object["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{ "containerPort": 8080 }]);
    let before = server.post_json("/validate/safe", &review("CREATE", object.clone()));
    assert_eq!(before["response"]["allowed"], false);
    let mutation = &server.post_json("/mutate/safe", &review("CREATE", object.clone()))["response"];
    assert_eq!(
        (&mutation["allowed"], &mutation["uid"], &mutation["patchType"]),
        (&json!(true), &json!("7f2c"), &json!("JSONPatch"))
    );
    let cured = patched(object, mutation);
    let container = &cured["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
    let after = server.post_json("/validate/safe", &review("CREATE", cured.clone()));
    assert_eq!(after["response"]["allowed"], true, "{after}");
    // Nothing is left to cure.
    let again = server.post_json("/mutate/safe", &review("CREATE", cured));
    assert_eq!(again["response"].get("patch"), None);
}

#[test]
fn what_cannot_be_changed_any_more_is_not_patched() {
    let server = Server::start(RESTRICTED, |_| {});
    let patch = |operation: &str, object: Value| {
        // The update adds the container.
        let mut old = object.clone();
        let template = if object["kind"] == "Pod" { "" } else { "/spec/template" };
        old.pointer_mut(&format!("{template}/spec")).unwrap()["containers"] = json!([]);
        let mut review = review(operation, object);
        review["request"]["oldObject"] = old;
        let answer = server.post_json("/mutate/pod-security-restricted", &review);
        answer["response"].get("patch").is_some()
    };
    let template = deployment()["spec"]["template"].clone();
    let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "j" }, "spec": { "template": template } });
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": template["spec"] });
    for (operation, object, expected) in [
        ("CREATE", deployment(), true),
        ("UPDATE", deployment(), true),
        ("CREATE", job.clone(), true),
        ("UPDATE", job, false),
        ("CREATE", pod.clone(), true),
        ("UPDATE", pod, false),
    ] {
        assert_eq!(patch(operation, object.clone()), expected, "{operation} {}", object["kind"]);
    }
}

#[test]
fn what_nobody_has_to_judge_is_let_through() {
    let server = Server::start(RESTRICTED, |_| {});
    let allowed =
        |review: &Value| server.post_json("/validate/pod-security-restricted", review)["response"]["allowed"].clone();
    assert_eq!(allowed(&review("CREATE", deployment())), false);
    assert_eq!(allowed(&review("DELETE", Value::Null)), true);
    let mut connect = review("CONNECT", json!({ "kind": "PodExecOptions", "apiVersion": "v1" }));
    connect["request"]["subResource"] = "exec".into();
    assert_eq!(allowed(&connect), true);
    let mut status = review("UPDATE", deployment());
    status["request"]["subResource"] = "status".into();
    assert_eq!(allowed(&status), true);
}

#[test]
fn warnings_arrive_beside_an_allowed_object() {
    let server = Server::start("bundles: [DIR/warn.yaml]\n", |directory| {
        let bundle = "name: warn\nversion: 1.0.0\nenforcement: warn\nrules: [pss-privileged, {rule: pss-run-as-non-root, enforcement: audit}]\n";
        std::fs::write(directory.join("warn.yaml"), bundle).unwrap();
    });
    let mut object = deployment();
    object["spec"]["template"]["spec"]["containers"][0]["securityContext"]["privileged"] = true.into();
    let response = &server.post_json("/validate/warn", &review("CREATE", object.clone()))["response"];
    assert_eq!(response["allowed"], true);
    let warning = response["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("pss-privileged: container `app` is privileged (at /spec/"), "{warning}");
    assert_eq!(response["auditAnnotations"]["audit"], "pss-run-as-non-root");
    let verdict = server.post_json("/v1/evaluate/warn", &json!({ "object": object }));
    assert_eq!(verdict["audit"][0]["rule"], "pss-run-as-non-root");
}

#[test]
fn requests_that_cannot_be_read_are_told_why() {
    let server = Server::default();
    let twelve = "/validate/default";
    let cases = [
        (twelve, "", "400 the body is not JSON: byte 0: expected a value"),
        (twelve, "[]", "400 the body is not a JSON object"),
        (twelve, "{\"kind\": \"AdmissionReview\"}", "400 the body is not an AdmissionReview of admission.k8s.io/v1"),
        (twelve, r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#, "400 `request` is missing"),
        (
            twelve,
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"operation":"LIST"}}"#,
            "400 `request.uid` is missing or too long",
        ),
        ("/validate/other", "{}", "404 there is no bundle `other`; served are: default"),
        ("/validate/", "{}", "404 there is nothing at this path; /v1/openapi.json says what there is"),
        ("/v1/evaluate/default", "{}", "400 `object` is missing"),
        ("/v1/kyverno/default", r#"{"object": 3}"#, "400 `object` is not a JSON object"),
        ("/v1/kyverno/default", r#"{"object": {}, "operation": "LIST"}"#, "400 `operation` must be"),
    ];
    for (path, body, expected) in cases {
        let problem = server.post(path, body).problem();
        assert!(problem.starts_with(expected), "{path} {body}: {problem}");
    }
    // Depth, and text that is none.
    let deep = format!("{}{}", "{\"a\":".repeat(1000), "}".repeat(1000));
    assert!(server.post(twelve, &deep).problem().contains("(limit `depth`)"));
    let mut stream = std::net::TcpStream::connect(server.listen).unwrap();
    let answer = super::process::ask(&mut stream, &super::process::request("POST", twelve, b"\xff\xfe{}"));
    assert!(answer.problem().starts_with("400 the body is not UTF-8"), "{answer:?}");
    let answer = super::process::ask(&mut stream, &super::process::request("GET", twelve, b""));
    assert_eq!((answer.status, answer.header("allow")), (405, Some("post")));
}

fn provider_request(keys: &[&str]) -> Value {
    json!({
        "apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest",
        "request": { "keys": keys },
    })
}

#[test]
fn gatekeeper_gets_an_item_for_each_key() {
    let settings = "bundles: [pod-security-restricted]\ngatekeeper:\n  imageDigests:\n    docker.io/library/nginx:1.27: sha256:abcd\n";
    let server = Server::start(settings, |_| {});
    let key = |bundle: &str, answer: &str, operation: &str| {
        json!({ "v": 1, "bundle": bundle, "answer": answer, "operation": operation, "object": deployment() })
            .to_string()
    };
    let named = key("pod-security-restricted", "", "CREATE");
    let keys = [
        named.as_str(),
        &key("pod-security-restricted", "digest", ""),
        &key("pod-security-restricted", "digest", "DELETE"),
        &key("other", "", ""),
        "{\"v\": 2}",
        "{\"v\": ",
        "nginx:1.27",
        "nginx@sha256:00",
        "redis",
    ];
    let answer = server.post_json("/v1/gatekeeper", &provider_request(&keys));
    assert_eq!(answer["kind"], "ProviderResponse");
    let response = &answer["response"];
    assert_eq!((&response["idempotent"], &response["systemError"]), (&json!(true), &json!("")));
    let items = response["items"].as_array().unwrap();
    assert_eq!(items.len(), keys.len());
    assert_eq!(items[0]["key"], named);
    assert_eq!(items[0]["value"]["allowed"], false);
    assert!(items[0]["value"]["violations"].as_array().unwrap().len() > 3);
    assert!(items[1]["key"].as_str().unwrap().starts_with("sha256:"), "{}", items[1]["key"]);
    assert_eq!(items[1]["value"]["allowed"], false);
    assert_eq!(items[2]["value"]["allowed"], true);
    assert_eq!(items[3]["error"], "there is no bundle `other`; served are: pod-security-restricted");
    assert_eq!(items[4]["error"], "the key's `v` is not 1");
    assert!(items[5]["error"].as_str().unwrap().starts_with("the key is not JSON"));
    assert_eq!(items[6]["value"], "nginx:1.27@sha256:abcd");
    assert_eq!(items[7]["value"], "nginx@sha256:00");
    assert!(items[8]["error"].as_str().unwrap().starts_with("no digest is known for the image `redis`"));
}

#[test]
fn gatekeeper_gets_a_system_error_for_what_is_no_question() {
    let server = Server::start("limits: {batch: 2}\n", |_| {});
    let refused = |body: &str| {
        let answer = server.post("/v1/gatekeeper", body).json();
        assert_eq!(answer["response"]["items"], json!([]));
        answer["response"]["systemError"].as_str().unwrap().to_owned()
    };
    assert!(refused("no").starts_with("the request is no ProviderRequest: "));
    assert!(
        refused(r#"{"apiVersion":"v1","kind":"Pod","request":{}}"#)
            .starts_with("the request is no ProviderRequest of ")
    );
    assert_eq!(refused(&provider_request(&["a", "b", "c"]).to_string()), "3 keys, more than 2 (limit `limits.batch`)");
}

#[test]
fn kyverno_gets_the_same_shape_whatever_it_asks() {
    let server = Server::start(RESTRICTED, |_| {});
    let path = "/v1/kyverno/pod-security-restricted";
    let denied = server.post_json(path, &json!({ "operation": "CREATE", "object": deployment(), "more": [1] }));
    assert_eq!(denied["body"]["allowed"], false);
    assert!(denied["body"]["message"].as_str().unwrap().starts_with("policy bundle pod-security-restricted@0.1.0: "));
    let patch = denied["body"]["patch"].as_array().unwrap();
    assert!(patch.iter().any(|operation| operation["path"].as_str().unwrap().ends_with("allowPrivilegeEscalation")));
    let deleted = server.post_json(path, &json!({ "operation": "DELETE", "object": null }));
    assert_eq!(deleted["body"]["allowed"], true);
}

/// What is answered is what the published description says.
#[test]
fn answers_are_as_openapi_says() {
    let server = Server::default();
    let answer = super::process::ask(
        &mut std::net::TcpStream::connect(server.listen).unwrap(),
        &super::process::request("GET", "/v1/openapi.json", b""),
    );
    let document = answer.json();
    let conforms = |name: &str, value: &Value| {
        let mut schema = json!({ "$ref": format!("#/components/schemas/{name}") });
        schema["components"] = document["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{name}");
    };
    let question = json!({ "object": deployment() });
    conforms("Question", &question);
    conforms("Decision", &server.post_json("/v1/evaluate/default", &question));
    let key = json!({ "v": 1, "bundle": "default", "object": deployment() });
    conforms("GatekeeperKey", &key);
    let request = provider_request(&[&key.to_string(), "redis"]);
    conforms("ProviderRequest", &request);
    conforms("ProviderResponse", &server.post_json("/v1/gatekeeper", &request));
    conforms("AdmissionReview", &server.post_json("/validate/default", &review("CREATE", deployment())));
    conforms("Problem", &server.post("/nowhere", "").json());
    // Every path of the description is there, and answers.
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{bundle}", "default");
        assert!(methods.get("post").is_none() || server.post(&path, "{}").status != 404, "{path}");
    }
}

/// A rule that asks for other objects says that they are not known; it does not pass.
#[test]
fn without_a_cluster_rules_that_ask_for_others_are_not_evaluated() {
    let server = Server::default();
    let verdict = server.post_json("/v1/evaluate/default", &json!({ "object": deployment() }));
    let undecided: Vec<&Value> = verdict["notEvaluated"].as_array().unwrap().iter().collect();
    assert!(undecided.iter().any(|rule| rule["rule"] == "pdb-required"), "{undecided:?}");
    assert!(undecided.iter().all(|rule| rule["reason"].as_str().unwrap().contains("no cluster is configured")));
    let denying = Server::start("bundles: [{bundle: default, notEvaluated: deny}]\n", |_| {});
    let verdict = denying.post_json("/v1/evaluate/default", &json!({ "object": deployment() }));
    let message = verdict["message"].as_str().unwrap();
    assert!(message.contains("\n- pdb-required: could not decide: "), "{message}");
}

#[test]
fn the_annotation_lifts_a_rule_only_where_the_bundle_lets_it() {
    let server = Server::start("bundles: [DIR/open.yaml, DIR/closed.yaml]\n", |directory| {
        for (name, more) in [("open", "annotations: true\n"), ("closed", "")] {
            let bundle = format!("name: {name}\nversion: 1.0.0\nrules: [pss-privileged]\n{more}");
            std::fs::write(directory.join(format!("{name}.yaml")), bundle).unwrap();
        }
    });
    let mut object = deployment();
    object["spec"]["template"]["spec"]["containers"][0]["securityContext"] = json!({ "privileged": true });
    let mut decide = |bundle: &str, annotation: &str| {
        object["metadata"]["annotations"] = json!({ "ignore.policy-host.dev/pss-privileged": annotation });
        server.post_json(&format!("/v1/evaluate/{bundle}"), &json!({ "object": object }))
    };
    assert_eq!(decide("closed", "it drives the hardware")["allowed"], false);
    let lifted = decide("open", "it drives the hardware until=2999-01-31");
    assert_eq!((&lifted["allowed"], &lifted["exempt"][0]["annotation"]), (&json!(true), &json!(true)), "{lifted}");
    assert_eq!(lifted["exempt"][0]["reason"], "it drives the hardware");
    // Neither what another annotation let pass nor memory counts for one that does not hold.
    for annotation in ["", "why until=2020-01-31", "why until=soon", "until=2999-01-31"] {
        assert_eq!(decide("open", annotation)["allowed"], false, "{annotation}");
    }
    let line = r#"policy_host_exempt_findings_total{bundle="open",rule="pss-privileged",by="annotation"}"#;
    assert_eq!(server.metric(line), 1.0);
}

#[test]
fn a_decision_tells_one_cure_once() {
    let write = |directory: &std::path::Path| {
        let rules = "rules: [pss-privilege-escalation, pss-privileged]\n";
        std::fs::write(directory.join("one.yaml"), format!("name: one\nversion: 1.0.0\nannotations: true\n{rules}"))
            .unwrap();
    };
    let server = Server::start("bundles: [DIR/one.yaml]\n", write);
    let ask = |annotations: Value| {
        let object = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "shop", "annotations": annotations },
            "spec": { "containers": [{ "name": "app", "image": "app:1", "securityContext": { "privileged": true } }] },
        });
        let decision = server.post_json("/v1/evaluate/one", &json!({ "object": object }));
        let violations = decision["violations"].as_array().unwrap().iter();
        violations.map(|it| (it["rule"].clone(), it["code"].clone(), it["confidence"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(ask(json!({})), [(json!("pss-privileged"), json!("privileged"), json!("certain"))]);
    let exempt = json!({ "ignore.policy-host.dev/pss-privileged": "it has to" });
    assert_eq!(ask(exempt), [(json!("pss-privilege-escalation"), json!("missing"), json!("certain"))]);
}
