//! Kinds × operations × changes × callers, on every wire, with the right answer beside each: the rows of
//! `tests/fixtures/admission-matrix`, which `tests/e2e` takes to the real API server.

use super::hostile::{GUEST, guest};
use super::process::Server;
use base64::Engine as _;
use policy_host::parse::{Limits, Scalars, yaml};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const MATRIX: &str = include_str!("../fixtures/admission-matrix/matrix.yaml");
const BUNDLE: &str = include_str!("../fixtures/admission-matrix/bundle.yaml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    callers: BTreeMap<String, String>,
    objects: BTreeMap<String, Value>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    object: String,
    operation: String,
    #[serde(default)]
    subresource: String,
    #[serde(default)]
    leaving: bool,
    #[serde(default)]
    change: Value,
    caller: String,
    #[serde(default)]
    denied: BTreeSet<String>,
    #[serde(default)]
    mutated: usize,
    why: String,
}

impl Row {
    fn title(&self) -> String {
        let Self { object, operation, subresource, caller, change, why, .. } = self;
        let leaving = if self.leaving { " that is leaving" } else { "" };
        format!("{operation} {object}{leaving} {subresource} {change} by {caller} ({why})")
    }

    /// Whether what it is about stands in the object itself.
    fn is_judged(&self) -> bool {
        !matches!(self.subresource.as_str(), "scale" | "status")
    }
}

fn matrix() -> Matrix {
    let root = yaml::parse(MATRIX, Scalars::Kubernetes, &Limits::default()).unwrap().unwrap();
    serde_json::from_value(root.to_value()).unwrap()
}

/// What a row asks for, as the API server has it.
struct Request {
    user: String,
    operation: String,
    subresource: String,
    object: Value,
    old: Value,
}

impl Request {
    fn new(matrix: &Matrix, row: &Row) -> Self {
        let mut object = matrix.objects[&row.object].clone();
        if object["kind"] != "ClusterRole" {
            object["metadata"]["namespace"] = "shop".into();
        }
        if row.leaving {
            object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        }
        if row.subresource == "scale" {
            let spec = json!({ "replicas": object["spec"]["replicas"] });
            object = json!({ "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": object["metadata"], "spec": spec });
        }
        let mut changed = object.clone();
        if !row.change.is_null() {
            json_patch::merge(&mut changed, &row.change);
        }
        let (object, old) = match row.operation.as_str() {
            "CREATE" => (changed, Value::Null),
            "UPDATE" => (changed, object),
            "DELETE" => (Value::Null, object),
            other => panic!("{other}"),
        };
        let user = matrix.callers[&row.caller].clone();
        Self { user, operation: row.operation.clone(), subresource: row.subresource.clone(), object, old }
    }

    fn review(&self) -> Value {
        let subject = if self.object.is_null() { &self.old } else { &self.object };
        let api_version = subject["apiVersion"].as_str().unwrap();
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "7f2c", "operation": self.operation, "subResource": self.subresource,
                "kind": { "group": group, "version": version, "kind": subject["kind"] },
                "namespace": subject["metadata"].get("namespace"), "name": subject["metadata"]["name"],
                "userInfo": { "username": self.user, "groups": ["system:authenticated"] },
                "object": self.object, "oldObject": self.old,
            },
        })
    }

    fn question(&self) -> Value {
        json!({ "operation": self.operation, "user": self.user, "object": self.object, "oldObject": self.old })
    }

    /// The key of a question to Gatekeeper's provider, which gets a deleted object as its object too.
    fn key(&self) -> Value {
        let mut key = self.question();
        key["v"] = 1.into();
        key["bundle"] = "admission-matrix".into();
        key
    }
}

/// The object after the mutation's answer.
fn patched(mut object: Value, answer: &Value) -> Value {
    let Some(patch) = answer["response"]["patch"].as_str() else { return object };
    let patch = base64::engine::general_purpose::STANDARD.decode(patch).unwrap();
    json_patch::patch(&mut object, &serde_json::from_slice::<json_patch::Patch>(&patch).unwrap()).unwrap();
    object
}

/// In how many places something forbids to gain privileges.
fn forbidding(value: &Value) -> usize {
    match value {
        Value::Object(entries) => {
            let own = usize::from(entries.get("allowPrivilegeEscalation") == Some(&json!(false)));
            own + entries.values().map(forbidding).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(forbidding).sum(),
        _ => 0,
    }
}

fn rules(of: &Value, key: &str) -> BTreeSet<String> {
    of.as_array().into_iter().flatten().map(|found| found[key].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_row_is_answered_alike_on_every_wire() {
    let server = Server::start("bundles: [DIR/bundle.yaml]\n", |directory| {
        std::fs::write(directory.join("bundle.yaml"), BUNDLE).unwrap();
    });
    let matrix = matrix();
    let mut wrong = Vec::new();
    for row in &matrix.rows {
        let mut request = Request::new(&matrix, row);
        let mut expect = |what: &str, is: String, should: String| {
            if is != should {
                wrong.push(format!("{}\n    {what}: {is}, not {should}", row.title()));
            }
        };
        let mutation = server.post_json("/mutate/admission-matrix", &request.review());
        let object = patched(request.object.clone(), &mutation);
        let mutated = forbidding(&object) - forbidding(&request.object);
        expect("mutated", mutated.to_string(), row.mutated.to_string());
        request.object = object;

        let denied = format!("{:?}", row.denied);
        let validation = &server.post_json("/validate/admission-matrix", &request.review())["response"];
        let causes = rules(&validation["status"]["details"]["causes"], "reason");
        expect("allowed", validation["allowed"].to_string(), row.denied.is_empty().to_string());
        expect("denied by", format!("{causes:?}"), denied.clone());
        if !row.is_judged() {
            continue;
        }
        let evaluated = server.post_json("/v1/evaluate/admission-matrix", &request.question());
        expect("/v1/evaluate", format!("{:?}", rules(&evaluated["violations"], "rule")), denied.clone());
        let kyverno = server.post_json("/v1/kyverno/admission-matrix", &request.question());
        expect("/v1/kyverno", format!("{:?}", rules(&kyverno["body"]["violations"], "rule")), denied.clone());
        let keys = json!({
            "apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest",
            "request": { "keys": [request.key().to_string()] },
        });
        let gatekeeper = &server.post_json("/v1/gatekeeper", &keys)["response"]["items"][0]["value"];
        expect("/v1/gatekeeper", format!("{:?}", rules(&gatekeeper["violations"], "rule")), denied);
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), matrix.rows.len(), wrong.join("\n"));
}

/// With `onUpdate: all` whatever is found denies, unless the object is being deleted.
#[test]
fn a_bundle_can_deny_all_that_is_found() {
    let server = Server::start("bundles: [DIR/bundle.yaml]\n", |directory| {
        std::fs::write(directory.join("bundle.yaml"), format!("{BUNDLE}onUpdate: all\n")).unwrap();
    });
    let matrix = matrix();
    let allowed = |row: &Row| {
        let review = Request::new(&matrix, row).review();
        server.post_json("/validate/admission-matrix", &review)["response"]["allowed"] == true
    };
    let of =
        |object: &'static str| move |row: &&Row| row.object == object && row.operation == "UPDATE" && row.is_judged();
    let rows: Vec<&Row> = matrix.rows.iter().filter(of("bad deployment")).collect();
    assert!(rows.iter().any(|row| row.leaving) && rows.iter().any(|row| !row.leaving));
    for row in rows {
        assert_eq!(allowed(row), row.leaving && row.denied.is_empty(), "{}", row.title());
    }
}

/// What was there before is told, by the server's memory and without it.
#[test]
fn what_was_there_before_is_a_warning() {
    for settings in ["memo: {bytes: 0}\n", ""] {
        let server = Server::start(&format!("bundles: [DIR/bundle.yaml]\n{settings}"), |directory| {
            std::fs::write(directory.join("bundle.yaml"), BUNDLE).unwrap();
        });
        let matrix = matrix();
        let row = matrix.rows.iter().find(|row| row.object == "bad deployment" && row.operation == "UPDATE").unwrap();
        let mut request = Request::new(&matrix, row);
        let paths = |request: &Request| {
            let verdict = server.post_json("/v1/evaluate/admission-matrix", &request.question());
            let found = |list: &str| -> Vec<String> {
                let list = verdict[list].as_array().unwrap().iter();
                list.map(|found| format!("{} {} {}", found["rule"], found["path"], found["inherited"])).collect()
            };
            (found("violations"), found("warnings"))
        };
        let before = paths(&request);
        assert_eq!(before.0, [""; 0]);
        assert_eq!(before.1.len(), 4, "{before:?}");
        assert!(before.1.iter().all(|found| found.ends_with(" true")), "{before:?}");
        for _ in 0..2 {
            assert_eq!(paths(&request), before);
        }
        let line = "policy_host_memo_total{bundle=\"admission-matrix\",result=\"hit\"}";
        assert_eq!(server.metric(line) > 0.0, settings.is_empty(), "{}", server.get("/metrics").body);
        // The same object after another one is another question.
        let other = std::mem::replace(&mut request.old, matrix.objects["good deployment"].clone());
        assert_eq!(paths(&request).0.len(), 4);
        request.old = Value::Null;
        assert_eq!(paths(&request).0.len(), 4);
        request.old = other;
        assert_eq!(paths(&request), before);
        let warnings = &server.post_json("/validate/admission-matrix", &request.review())["response"]["warnings"];
        let told = warnings.as_array().unwrap().iter();
        let told = told.filter(|line| line.as_str().unwrap().contains("; it was there before); ")).count();
        assert_eq!(told, 4, "{warnings}");
    }
}

/// A Pod is not even warned about while nothing changes that a rule reads.
#[test]
fn of_a_pod_nothing_is_said_where_nothing_is_changed() {
    let server = Server::start("bundles: [DIR/bundle.yaml]\n", |directory| {
        std::fs::write(directory.join("bundle.yaml"), BUNDLE).unwrap();
    });
    let matrix = matrix();
    let update = |row: &&Row| row.object == "bad pod" && row.operation == "UPDATE" && row.subresource.is_empty();
    for row in matrix.rows.iter().filter(update) {
        let verdict = server.post_json("/v1/evaluate/admission-matrix", &Request::new(&matrix, row).question());
        let said = (&verdict["violations"], &verdict["warnings"], &verdict["notEvaluated"]);
        assert_eq!(said, (&json!([]), &json!([]), &json!([])), "{}", row.title());
    }
}

/// A rule that cannot run closes only where it might have had something new to say.
#[test]
fn a_rule_that_cannot_run_locks_nothing_in() {
    let server = Server::start("bundles: [DIR/guest]\n", |directory| guest(directory, "unreachable"));
    let old = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "labels": { "a": "1" } },
        "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": "nginx:1" }] } } },
    });
    let allowed = |pointer: &str, value: &str| {
        let mut object = old.clone();
        *object.pointer_mut(pointer).unwrap() = value.into();
        let question = json!({ "operation": "UPDATE", "user": "jane", "object": object, "oldObject": old });
        let verdict = server.post_json(GUEST, &question);
        assert_eq!(verdict["errors"].as_array().unwrap().len(), 1, "{verdict}");
        verdict["allowed"] == true
    };
    assert!(allowed("/metadata/labels/a", "2") && allowed("/spec/template/spec/containers/0/name", "other"));
    assert!(!allowed("/spec/template/spec/containers/0/image", "nginx:2"));
}
