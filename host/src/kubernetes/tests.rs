use super::mistyped;
use super::types::{TYPES, Type};
use crate::document::Source;
use crate::parse::{Form, Limits, Unit};
use crate::workload::WorkloadKinds;
use k8s_openapi::api;
use serde_json::{Value, json};

/// Whether a type of `k8s-openapi` takes an object.
type Reads = fn(&Value) -> bool;

fn reads<T: serde::de::DeserializeOwned>(object: &Value) -> bool {
    serde_json::from_value::<T>(object.clone()).is_ok()
}

/// How `k8s-openapi` reads a kind; none of those whose parts others have.
fn reader(api_version: &str, kind: &str) -> Option<Reads> {
    Some(match (api_version, kind) {
        ("v1", "Pod") => reads::<api::core::v1::Pod>,
        ("v1", "Service") => reads::<api::core::v1::Service>,
        ("v1", "LimitRange") => reads::<api::core::v1::LimitRange>,
        ("v1", "ConfigMap") => reads::<api::core::v1::ConfigMap>,
        ("apps/v1", "Deployment") => reads::<api::apps::v1::Deployment>,
        ("apps/v1", "StatefulSet") => reads::<api::apps::v1::StatefulSet>,
        ("apps/v1", "DaemonSet") => reads::<api::apps::v1::DaemonSet>,
        ("batch/v1", "CronJob") => reads::<api::batch::v1::CronJob>,
        ("networking.k8s.io/v1", "NetworkPolicy") => reads::<api::networking::v1::NetworkPolicy>,
        ("networking.k8s.io/v1", "Ingress") => reads::<api::networking::v1::Ingress>,
        ("policy/v1", "PodDisruptionBudget") => reads::<api::policy::v1::PodDisruptionBudget>,
        ("autoscaling/v2", "HorizontalPodAutoscaler") => reads::<api::autoscaling::v2::HorizontalPodAutoscaler>,
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => reads::<api::rbac::v1::ClusterRole>,
        _ => return None,
    })
}

/// A value of a type: the smallest.
fn sample(of: &Type) -> Value {
    match of {
        Type::Any | Type::Object(_) | Type::Map(_) => json!({}),
        Type::String => json!("2026-01-01T00:00:00Z"),
        Type::Quantity => json!("1"),
        Type::Boolean => json!(true),
        Type::Integer | Type::Number | Type::IntOrString => json!(1),
        Type::List(_) => json!([]),
    }
}

/// A value that is not of a type; none where all are.
fn wrong(of: &Type) -> Option<Value> {
    match of {
        Type::Any => None,
        Type::Object(_) | Type::Map(_) | Type::Boolean | Type::Integer | Type::Number | Type::List(_) => {
            Some(json!("x"))
        }
        Type::String => Some(json!(true)),
        Type::Quantity | Type::IntOrString => Some(json!([])),
    }
}

/// A field, and whether what is in it is an element of a list.
type Step = (String, bool);

/// Puts a value at a path of mappings and lists of one element.
fn nested(path: &[Step], value: Value) -> Value {
    path.iter().rev().fold(value, |inner, (name, is_list)| {
        let inner = if *is_list { json!([inner]) } else { inner };
        json!({ name: inner })
    })
}

/// Visits every field below a type, each type once.
fn visit(of: &Type, path: &mut Vec<Step>, seen: &mut Vec<usize>, check: &mut dyn FnMut(&[Step], &Type)) {
    let Type::Object(index) = of else { return };
    if seen.contains(index) {
        return;
    }
    seen.push(*index);
    for (name, value) in TYPES.fields(*index) {
        path.push((name.to_owned(), false));
        check(path, value);
        let (inner, is_list) = match value {
            Type::List(item) => (&**item, true),
            other => (other, false),
        };
        if let Some(last) = path.last_mut() {
            last.1 = is_list;
        }
        visit(inner, path, seen, check);
        path.pop();
    }
}

#[test]
fn the_types_are_those_of_k8s_openapi() {
    let mut checked = 0;
    for (api_version, kind, of) in TYPES.kinds() {
        let Some(reads) = reader(api_version, kind) else { continue };
        visit(of, &mut Vec::new(), &mut Vec::new(), &mut |path, value| {
            let takes = |value: Value| {
                let mut object = nested(path, value);
                object["apiVersion"] = json!(api_version);
                object["kind"] = json!(kind);
                reads(&object)
            };
            if matches!(path, [(name, _)] if name == "apiVersion" || name == "kind") {
                return;
            }
            checked += 1;
            assert!(takes(sample(value)), "{kind}: {path:?} takes no {value:?}");
            if let Some(wrong) = wrong(value) {
                assert!(!takes(wrong.clone()), "{kind}: {path:?} takes {wrong}");
            }
        });
    }
    assert!(checked > 1000, "{checked}");
}

/// What is told of a YAML object.
fn told(text: &str) -> Vec<String> {
    let unit = Unit::new(Form::Yaml(crate::parse::Scalars::Kubernetes), Source::new("a.yaml", text));
    let documents = unit.parse(&Limits::default()).unwrap();
    let workloads = WorkloadKinds::default();
    let found = documents.iter().flat_map(|document| mistyped(document, &workloads.shape(document)));
    found.map(|found| format!("{} {}", found.path, found.message)).collect()
}

#[test]
fn what_has_another_type_is_told_once() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: 1, labels: {a: yes}}\nspec:\n  hostPID: 'true'\n  containers:\n  \
               - {name: a, securityContext: none, env: [{name: A, value: 1}], ports: {}, x: 1}\n  - c\n";
    assert_eq!(
        told(pod),
        [
            "/metadata/name `name` is a number, expected a string",
            "/metadata/labels/a `a` is a boolean, expected a string",
            "/spec/hostPID `hostPID` is a string, expected `true` or `false`",
            "/spec/containers/0/securityContext `securityContext` is a string, expected a mapping",
            "/spec/containers/0/env/0/value `value` is a number, expected a string",
            "/spec/containers/0/ports `ports` is a mapping, expected a list",
            "/spec/containers/1 `1` is a string, expected a mapping",
        ]
    );
}

#[test]
fn the_pod_template_of_other_workloads_is_looked_at() {
    let rollout = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {strategy: none, template: {spec: {containers: none}}}\n";
    assert_eq!(told(rollout), ["/spec/template/spec/containers `containers` is a string, expected a list"]);
}

#[test]
fn what_is_right_or_not_known_is_not_told() {
    for text in [
        "apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 1, template: {spec: {containers: [{resources: {limits: {cpu: 1, memory: 1Gi}}}]}}}\n",
        "apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: '${REPLICAS}', template: null, later: 1}\n",
        "apiVersion: example.org/v1\nkind: Pod\nspec: none\n",
        "apiVersion: v1\nkind: Service\nspec: {ports: [{port: 80, targetPort: http}, {port: 81, targetPort: 8081}]}\n",
        "apiVersion: v1\nkind: Pod\nstatus: none\nmetadata: {creationTimestamp: null, managedFields: x}\n",
    ] {
        assert_eq!(told(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_flood_is_bounded() {
    let labels: String = (0..1000).map(|index| format!("    l{index}: 1\n")).collect();
    assert_eq!(told(&format!("apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n{labels}")).len(), 100);
}
