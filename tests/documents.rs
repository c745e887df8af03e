//! Hostile and merely odd documents: bounds, broken ones among good ones, and properties that
//! hold for any input.

use crate::sandbox::{DEPLOYMENT, ENGINE, GOOD, assert_good};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, HTTPGetAction, PodSecurityContext, PodSpec, PodTemplateSpec, Probe,
    ResourceRequirements, SecurityContext, Toleration, Volume,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use policy_host::bundle::Bundle;
use policy_host::document::{Document, Node, Pointer, Source, Span, Value};
use policy_host::edit::write_yaml;
use policy_host::evaluate::{Judge, RunOptions, run};
use policy_host::manifest::{ReadPath, Segment};
use policy_host::parse::{Form, Limits, Scalars, SyntaxError, Unit};
use policy_host::project::Projection;
use policy_host::workload::{Shape, WorkloadKinds};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

const YAML: Form = Form::Yaml(Scalars::Kubernetes);

fn units(form: Form, path: &str, text: &str, limits: &Limits) -> Result<Vec<Unit>, SyntaxError> {
    match form {
        Form::Terraform | Form::TerraformVariables => Ok(Unit::terraform([Source::new(path, text)])),
        _ => Unit::split(form, &Arc::from(path), text, limits),
    }
}

fn path_of(form: Form) -> &'static str {
    match form {
        Form::Yaml(_) => "in.yaml",
        Form::Json => "in.json",
        Form::Dockerfile => "Dockerfile",
        Form::Terraform => "main.tf",
        Form::TerraformVariables => "live.tfvars",
        Form::Plain(_) => "in.sh",
    }
}

fn parse_within(form: Form, text: &str, limits: &Limits) -> Result<Vec<Document>, SyntaxError> {
    let mut documents = Vec::new();
    for unit in units(form, path_of(form), text, limits)? {
        documents.extend(unit.parse(limits)?);
    }
    Ok(documents)
}

fn parse(form: Form, text: &str) -> Result<Vec<Document>, SyntaxError> {
    parse_within(form, text, &Limits::default())
}

/// The only document of a text.
fn only(form: Form, text: &str) -> Document {
    let mut documents = parse(form, text).unwrap();
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0)
}

fn position(document: &Document, pointer: &str) -> (usize, usize) {
    let place = document.locate(&Pointer::parse(pointer).unwrap());
    let source = &document.sources[usize::from(place.span.file)];
    let position = source.position(place.span.start as usize);
    (position.line, position.column)
}

// ---------------------------------------------------------------------------------------------
// Bounds

/// A text is refused under a bound, with its number and name, and accepted with room for it.
#[track_caller]
fn assert_bound(form: Form, text: &str, name: &str, bound: usize) {
    let mut limits = Limits::default();
    match name {
        "bytes" => limits.bytes = bound,
        "depth" => limits.depth = bound,
        "nodes" => limits.nodes = bound,
        "alias_nodes" => limits.alias_nodes = bound,
        _ => limits.documents = bound,
    }
    let error = parse_within(form, text, &limits).unwrap_err();
    let message = &error.message;
    assert!(message.contains(&format!("(limit `{name}`)")), "{form:?}: {message}");
    assert!(message.contains(&format!(" {bound} ")), "{form:?}: {message}");
    assert!(error.at <= text.len());
    parse(form, text).unwrap_or_else(|error| panic!("{form:?} within default limits: {error}"));
}

#[test]
fn bytes_are_bounded() {
    assert_bound(YAML, DEPLOYMENT, "bytes", 20);
    assert_bound(Form::Json, r#"{"apiVersion": "v1", "kind": "Pod"}"#, "bytes", 10);
    assert_bound(Form::Dockerfile, "FROM scratch\nCOPY a b\n", "bytes", 10);
    assert_bound(Form::Terraform, "locals {\n  a = 1\n}\n", "bytes", 10);
    // Exactly as many bytes as allowed.
    let limits = Limits { bytes: DEPLOYMENT.len(), ..Limits::default() };
    assert_eq!(parse_within(YAML, DEPLOYMENT, &limits).unwrap().len(), 1);
}

/// Small texts that mean a lot.
#[test]
fn expansion_is_bounded() {
    let mut dockerfile = "FROM scratch\nENV A0=0123456789\n".to_owned();
    let mut terraform = "locals {\n  a0 = \"0123456789\"\n".to_owned();
    for level in 1..30 {
        let below = level - 1;
        dockerfile.push_str(&format!("ENV A{level}=$A{below}$A{below}$A{below}$A{below}\n"));
        let reference = format!("${{local.a{below}}}");
        terraform.push_str(&format!("  a{level} = \"{reference}{reference}{reference}{reference}\"\n"));
    }
    terraform.push_str("}\nresource \"x\" \"y\" {\n  z = local.a29\n}\n");
    for (form, text) in [(Form::Dockerfile, dockerfile), (Form::Terraform, terraform)] {
        let error = parse(form, &text).unwrap_err();
        let bound = format!("more than {} bytes (limit `bytes`)", Limits::default().bytes);
        assert!(error.message.contains(&bound), "{form:?}: {}", error.message);
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |count: usize| format!("{}1{}", "[".repeat(count), "]".repeat(count));
    for text in [
        format!("apiVersion: v1\nkind: ConfigMap\ndata: {}\n", nested(20)),
        format!("apiVersion: v1\nkind: ConfigMap\ndata: {}1{}\n", "{a: ".repeat(20), "}".repeat(20)),
        format!("apiVersion: v1\nkind: ConfigMap\ndata:\n  {}1\n", "- ".repeat(20)),
        (0..20).fold("apiVersion: v1\nkind: ConfigMap\ndata:\n".to_owned(), |text, level| {
            format!("{text}{}a:\n", "  ".repeat(level + 1))
        }),
    ] {
        assert_bound(YAML, &text, "depth", 10);
    }
    let text = format!(r#"{{"apiVersion": "v1", "kind": "ConfigMap", "data": {}}}"#, nested(20));
    assert_bound(Form::Json, &text, "depth", 10);
    assert_bound(Form::Dockerfile, &format!("FROM a{}b{}\n", "${X:-".repeat(20), "}".repeat(20)), "depth", 10);
    assert_bound(Form::Terraform, &format!("a = {}\n", nested(20)), "depth", 10);
    assert_bound(Form::Terraform, &format!("{}{}", "a {\n".repeat(20), "}\n".repeat(20)), "depth", 10);
}

#[test]
fn nodes_are_bounded() {
    let items = vec!["1"; 50].join(", ");
    assert_bound(YAML, &format!("apiVersion: v1\nkind: ConfigMap\ndata: [{items}]\n"), "nodes", 20);
    assert_bound(YAML, &format!("apiVersion: v1\nkind: ConfigMap\ndata:\n{}", "- 1\n".repeat(50)), "nodes", 20);
    assert_bound(
        Form::Json,
        &format!(r#"{{"apiVersion": "v1", "kind": "ConfigMap", "data": [{items}]}}"#),
        "nodes",
        20,
    );
    assert_bound(Form::Dockerfile, &format!("FROM scratch\n{}", "COPY a b\n".repeat(50)), "nodes", 20);
    assert_bound(Form::Terraform, &format!("a = [{items}]\n"), "nodes", 20);
}

#[test]
fn aliases_are_bounded() {
    let copies = |count: usize| {
        let aliases = vec!["*a"; count].join(", ");
        format!("apiVersion: v1\nkind: ConfigMap\nbase: &a [1, 2, 3]\ndata: [{aliases}]\n")
    };
    assert_bound(YAML, &copies(10), "alias_nodes", 39);
    let limits = Limits { alias_nodes: 40, ..Limits::default() };
    assert_eq!(parse_within(YAML, &copies(10), &limits).unwrap().len(), 1);
    // Merge keys copy as well.
    let merges = (0..10).map(|index| format!("  k{index}: {{<<: *a}}\n")).collect::<String>();
    assert_bound(
        YAML,
        &format!("apiVersion: v1\nkind: ConfigMap\nbase: &a {{x: 1, y: 2}}\ndata:\n{merges}"),
        "alias_nodes",
        20,
    );
}

#[test]
fn billion_laughs() {
    let mut sequences = "apiVersion: v1\nkind: ConfigMap\na0: &a0 [lol]\n".to_owned();
    let mut mappings = "apiVersion: v1\nkind: ConfigMap\na0: &a0 {k: lol}\n".to_owned();
    for level in 1..12 {
        let below = level - 1;
        let aliases = vec![format!("*a{below}"); 10].join(", ");
        sequences.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        let entries: Vec<String> = (0..10).map(|key| format!("k{key}: *a{below}")).collect();
        mappings.push_str(&format!("a{level}: &a{level} {{{}}}\n", entries.join(", ")));
    }
    for text in [sequences, mappings] {
        let error = parse(YAML, &text).unwrap_err();
        assert_eq!(error.message, "aliases copy more than 100000 values (limit `alias_nodes`)");
        assert!(text[error.at..].starts_with('*'));
    }
    for (text, wanted) in [
        ("apiVersion: v1\nkind: X\na: &a [*a]\n", "inside its own anchor"),
        ("apiVersion: v1\nkind: X\na: &a {b: {<<: *a}}\n", "inside its own anchor"),
        ("apiVersion: v1\nkind: X\na: *nowhere\n", ""),
    ] {
        let error = parse(YAML, text).unwrap_err();
        assert!(error.message.contains(wanted), "{}", error.message);
        assert!(text[error.at..].starts_with('*'), "{error:?}");
    }
}

#[test]
fn documents_are_bounded() {
    let object = "apiVersion: v1\nkind: Pod\n";
    assert_bound(YAML, &[object; 8].join("---\n"), "documents", 5);
    let item = r#"{"apiVersion": "v1", "kind": "Pod"}"#;
    let list = format!(r#"{{"apiVersion": "v1", "kind": "List", "items": [{}]}}"#, [item; 8].join(", "));
    assert_bound(YAML, &list, "documents", 5);
    assert_bound(Form::Json, &list, "documents", 5);
    let nested = format!(r#"{{"apiVersion": "v1", "kind": "List", "items": [{list}]}}"#);
    assert_bound(Form::Json, &nested, "documents", 5);
    // As many as allowed.
    let limits = Limits { documents: 8, ..Limits::default() };
    assert_eq!(parse_within(YAML, &[object; 8].join("---\n"), &limits).unwrap().len(), 8);
    assert_eq!(parse_within(Form::Json, &list, &limits).unwrap().len(), 8);
}

/// The bound counts the documents of a file, however they are spread.
#[test]
fn documents_are_bounded_across_lists() {
    let item = r#"{"apiVersion": "v1", "kind": "Pod"}"#;
    let list = format!(r#"{{"apiVersion": "v1", "kind": "List", "items": [{}]}}"#, [item; 4].join(", "));
    let text = [list.as_str(); 3].join("\n---\n");
    let limits = Limits { documents: 5, ..Limits::default() };
    let units = Unit::split(YAML, &Arc::from("in.yaml"), &text, &limits).unwrap();
    let engine = Arc::new(policy_host::engine::Engine::new(Default::default(), None).unwrap());
    let bundle = Arc::new(policy_host::bundle::Bundle::of_rules("none", []));
    let judge = policy_host::evaluate::Judge::new(&engine, &bundle);
    let options = policy_host::evaluate::RunOptions { limits, ..Default::default() };
    let result = policy_host::evaluate::run(&judge, &units, options);
    assert_eq!((result.documents.len(), result.errors.len()), (4, 2));
    assert!(result.errors[0].error.message.contains("more than 5 documents (limit `documents`)"));
}

/// What must end in an error, or in a document, but not in a stack overflow or a long wait.
#[test]
fn far_beyond_the_bounds() {
    let many = 200_000;
    let nest = |open: &str, close: &str| format!("{}1{}", open.repeat(many), close.repeat(many));
    let object = "apiVersion: v1\nkind: ConfigMap\ndata: ";
    for text in [
        format!("{object}{}", nest("[", "]")),
        format!("{object}{}", nest("{a: ", "}")),
        format!("{object}{}", "[".repeat(many)),
        format!("{object}{}", "{".repeat(many)),
        format!("{object}\n  {}", "- ".repeat(many)),
        format!("{object}\n  {}", "? ".repeat(many)),
        format!("{object}{}", "&a ".repeat(many)),
        format!("{object}{}", "!t ".repeat(many)),
        format!("{object}{}", "\"".repeat(many)),
        format!("{object}{}", "a: ".repeat(many)),
        format!("{object}|\n{}", " ".repeat(many)),
        "---\n".repeat(many),
        "...\n".repeat(many),
        "%TAG\n".repeat(many),
    ] {
        drop(parse(YAML, &text));
    }
    for text in [nest("[", "]"), nest("{\"a\":", "}"), "[".repeat(many), "\"".repeat(many), "\\".repeat(many)] {
        assert!(parse(Form::Json, &text).is_err());
    }
    for text in [
        format!("FROM {}", nest("${a:-", "}")),
        format!("FROM a\nCMD {}", nest("[", "]")),
        format!("FROM a\nRUN {}", "<<A ".repeat(1000)),
        format!("FROM a\n{}", "ONBUILD ".repeat(many)),
        "\\\n".repeat(many),
        "FROM a\n".repeat(many),
        format!("FROM a\nRUN {}", "\"$(".repeat(many)),
    ] {
        drop(parse(Form::Dockerfile, &text));
    }
    for text in [
        format!("a = {}", nest("[", "]")),
        format!("a = {}", nest("(", ")")),
        format!("a = {}", nest("{a = ", "}")),
        format!("a = {}", nest("f(", ")")),
        format!("a = {}", nest("\"${", "}\"")),
        nest("a {\n", "}\n"),
    ] {
        assert!(parse(Form::Terraform, &text).is_err());
    }
}

/// Chains of operators and accesses, which are trees too.
#[test]
fn terraform_chains() {
    let many = 100_000;
    for text in [
        format!("a = {}1", "!".repeat(many)),
        format!("a = {}1", "-".repeat(many)),
        format!("a = {}1", "1 + ".repeat(many)),
        format!("a = {}1", "true ? 1 : ".repeat(many)),
        format!("a = x{}", ".y".repeat(many)),
        format!("a = x{}", "[0]".repeat(many)),
        format!("a = x{}", "[*]".repeat(many)),
        format!("a = {}1{}", "[for x in y : ".repeat(many), "]".repeat(many)),
        format!("a = \"{}\"", "%{ if true }".repeat(many)),
    ] {
        drop(parse(Form::Terraform, &text));
    }
}

// ---------------------------------------------------------------------------------------------
// Broken documents among good ones

#[test]
fn broken_documents_do_not_hurt_the_others() {
    let text = format!(
        "{DEPLOYMENT}---\nkind: Pod\napiVersion: v1\nmetadata: {{name: ä, labels: [}}\n---\n{DEPLOYMENT}---\na: b\n c: d\n---\n{DEPLOYMENT}"
    );
    for text in [text.clone(), text.replace('\n', "\r\n")] {
        let units = units(YAML, "in.yaml", &text, &Limits::default()).unwrap();
        assert_eq!(units.len(), 5);
        let bundle = Arc::new(Bundle::of_rules("test", [Arc::clone(&GOOD)]));
        let result = run(&Judge::new(&ENGINE, &bundle), &units, RunOptions::default());
        let judged: Vec<usize> = result.documents.iter().map(|(unit, _)| *unit).collect();
        assert_eq!(judged, [0, 2, 4]);
        for (_, verdict) in &result.documents {
            assert_good(&verdict.outcomes[0].outcome);
        }
        let places: Vec<_> = result
            .errors
            .iter()
            .map(|error| {
                let source = &units[error.unit].sources[usize::from(error.error.file)];
                let position = source.position(error.error.at);
                (error.unit, position.line, position.column)
            })
            .collect();
        let line = DEPLOYMENT.lines().count();
        // A bracket that is not closed; a mapping in a place where none can be.
        assert_eq!(places, [(1, line + 4, 29), (3, 2 * line + 8, 3)]);
    }
}

#[test]
fn errors_name_their_place() {
    for (form, text, line, column) in [
        (YAML, "apiVersion: v1\nkind: Pod\nmetadata: {name: [}\n", 3, 18),
        (Form::Json, "{\n  \"ä\": 1,\n  \"b\": x\n}", 3, 8),
        (Form::Json, "{\"a\": 1}\n}", 2, 1),
        (Form::Terraform, "a = 1\nb = \n", 2, 5),
    ] {
        let units = units(form, path_of(form), text, &Limits::default()).unwrap();
        let error = units[0].parse(&Limits::default()).unwrap_err();
        let position = units[0].sources[0].position(error.at);
        assert_eq!((position.line, position.column), (line, column), "{text}: {error}");
    }
}

// ---------------------------------------------------------------------------------------------
// Kubernetes' own ways

fn subject(document: &Document) -> String {
    let subject = &document.subject;
    format!(
        "{}/{} {} {}/{} {}",
        subject.group, subject.version, subject.kind, subject.namespace, subject.name, subject.operation
    )
}

#[test]
fn lists() {
    let text = "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: a, namespace: x}
- just text
- null
- apiVersion: v1
  kind: List
  items:
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {generateName: b-}
";
    let documents = parse(YAML, text).unwrap();
    assert_eq!(
        documents.iter().map(subject).collect::<Vec<_>>(),
        ["/v1 ConfigMap x/a CREATE", "apps/v1 Deployment /b- CREATE"]
    );
    let bases: Vec<String> = documents.iter().map(|document| document.base.to_string()).collect();
    assert_eq!(bases, ["/items/0", "/items/3/items/0"]);
    assert_eq!(position(&documents[1], "/metadata/generateName"), (14, 30));
}

#[test]
fn typed_lists() {
    let text = "\
apiVersion: apps/v1
kind: DeploymentList
items:
- metadata: {name: a}
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: b}
";
    let documents = parse(YAML, text).unwrap();
    assert_eq!(
        documents.iter().map(subject).collect::<Vec<_>>(),
        ["apps/v1 Deployment /a CREATE", "apps/v1 Deployment /b CREATE"]
    );
    documents.iter().for_each(check_spans);
}

fn review(operation: &str, object: Json, old: Json) -> String {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": operation, "namespace": "shop", "name": "web",
            "object": object, "oldObject": old,
        },
    })
    .to_string()
}

#[test]
fn admission_reviews() {
    let pod = |image: &str| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": [{"image": image}]}});
    let created = only(Form::Json, &review("CREATE", pod("a"), Json::Null));
    assert_eq!(subject(&created), "/v1 Pod shop/web CREATE");
    assert_eq!((created.base.to_string(), &created.old), ("/request/object".to_owned(), &None));
    assert_eq!(created.root.to_value(), pod("a"));

    let updated = only(Form::Json, &review("UPDATE", pod("b"), pod("a")));
    assert_eq!(subject(&updated), "/v1 Pod shop/web UPDATE");
    assert_eq!((updated.root.to_value(), updated.old.as_ref().unwrap().to_value()), (pod("b"), pod("a")));
    check_spans(&updated);

    // The object's own name and namespace win.
    let named = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "n", "namespace": "ns"}});
    assert_eq!(subject(&only(Form::Json, &review("CREATE", named, Json::Null))), "/v1 Pod ns/n CREATE");

    // What is deleted is the object that is there; nothing comes after it.
    let deleted = only(Form::Json, &review("DELETE", Json::Null, pod("a")));
    assert_eq!(subject(&deleted), "/v1 Pod shop/web DELETE");
    assert_eq!((deleted.base.to_string(), &deleted.old), ("/request/oldObject".to_owned(), &None));
    let options = json!({"kind": "PodExecOptions", "apiVersion": "v1"});
    let connected = only(Form::Json, &review("CONNECT", options, Json::Null));
    assert_eq!(subject(&connected), "/v1 PodExecOptions shop/web CONNECT");

    for (operation, object, old) in
        [("DELETE", Json::Null, Json::Null), ("CREATE", Json::Null, Json::Null), ("CREATE", "text".into(), Json::Null)]
    {
        assert_eq!(parse(Form::Json, &review(operation, object, old)).unwrap(), []);
    }
    assert_eq!(parse(Form::Json, r#"{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}"#).unwrap(), []);
    // YAML too, as people keep them for tests.
    let value: Json = serde_json::from_str(&review("UPDATE", pod("b"), pod("a"))).unwrap();
    let yaml = only(YAML, &write_yaml(&value));
    assert_eq!((yaml.root.to_value(), yaml.old.unwrap().to_value()), (pod("b"), pod("a")));
}

#[test]
fn yes_is_true_in_a_manifest() {
    let text = |value: &str| {
        format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - securityContext: {{privileged: {value}}}\n")
    };
    let privileged = |value: &str| {
        let document = only(YAML, &text(value));
        document.at(&Pointer::parse("/spec/containers/0/securityContext/privileged").unwrap()).unwrap().value.clone()
    };
    for yes in ["yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE", "y", "Y"] {
        assert_eq!(privileged(yes), Value::Bool(true), "{yes}");
    }
    for no in ["no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE", "n", "N"] {
        assert_eq!(privileged(no), Value::Bool(false), "{no}");
    }
    for text in ["\"yes\"", "'on'", "!!str yes", "yEs", "'y'"] {
        assert!(matches!(privileged(text), Value::String(_)), "{text}");
    }
    // Elsewhere it is text.
    let workflow =
        units(YAML, ".github/workflows/a.yaml", "on: push\njobs: {a: {if: yes}}\n", &Limits::default()).unwrap();
    let document = workflow[0].parse(&Limits::default()).unwrap().remove(0);
    assert_eq!(document.root.to_value(), json!({"on": "push", "jobs": {"a": {"if": "yes"}}}));
}

#[test]
fn unprintable_characters() {
    for character in UNPRINTABLE {
        for data in [json!(format!("a{character}")), json!({format!("a{character}"): 1})] {
            let value = json!({"apiVersion": "v1", "kind": "X", "data": data});
            assert_eq!(only(Form::Json, &value.to_string()).root.to_value(), value);
            let yaml = write_yaml(&value);
            let documents = parse(YAML, &yaml).unwrap_or_else(|error| panic!("{yaml:?}: {error}"));
            assert_eq!(documents[0].root.to_value(), value);
        }
    }
}

// ---------------------------------------------------------------------------------------------
// Any input

/// Every place of a document lies in one of its sources, between characters, and its value is JSON.
#[track_caller]
fn check_spans(document: &Document) {
    let check = |span: Span, what: &str| {
        let text = &document.sources[usize::from(span.file)].text;
        assert!(span.start <= span.end, "{what}: {span:?}");
        assert!(text.get(span.range()).is_some(), "{what}: {span:?} in {text:?}");
    };
    fn walk(node: &Node, check: &dyn Fn(Span, &str)) {
        check(node.span, "value");
        match &node.value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, check)),
            Value::Object(entries) => {
                let mut keys = HashSet::new();
                for entry in entries {
                    check(entry.key_span, "key");
                    assert!(keys.insert(&entry.key), "the key {:?} is there twice", entry.key);
                    walk(&entry.value, check);
                }
            }
            _ => {}
        }
    }
    for root in [Some(&document.root), document.old.as_ref()].into_iter().flatten() {
        walk(root, &check);
        let json = root.to_json();
        serde_json::from_str::<Box<serde_json::value::RawValue>>(&json)
            .unwrap_or_else(|error| panic!("{error}: {json}"));
    }
    // Locating anything is safe, and in bounds.
    for pointer in ["", "/a", "/0", "/metadata/name", "/spec/template/spec/containers/0/image"] {
        check(document.locate(&Pointer::parse(pointer).unwrap()).span, pointer);
    }
}

fn check_error(error: &SyntaxError, sources: &[Source]) {
    assert!(!error.message.is_empty());
    let text = &sources[usize::from(error.file)].text;
    assert!(text.is_char_boundary(error.at), "{error:?} in {text:?}");
}

/// Splits and parses, and checks whatever comes of it.
fn check_any(form: Form, path: &str, text: &str) {
    let limits = Limits::default();
    let units = units(form, path, text, &limits).unwrap();
    for unit in &units {
        for source in unit.sources.iter() {
            assert_eq!(&text[source.offset..source.offset + source.text.len()], &*source.text);
            assert_eq!(source.lines_before, text[..source.offset].matches('\n').count());
        }
        match unit.parse(&limits) {
            Ok(documents) => documents.iter().for_each(check_spans),
            Err(error) => check_error(&error, &unit.sources),
        }
    }
}

const FORMS: [(Form, &str); 8] = [
    (YAML, "in.yaml"),
    (Form::Yaml(Scalars::Core12), ".github/workflows/in.yaml"),
    (Form::Json, "in.json"),
    (Form::Dockerfile, "Dockerfile"),
    (Form::Terraform, "main.tf"),
    (Form::Terraform, "main.tf.json"),
    (Form::TerraformVariables, "terraform.tfvars"),
    (Form::TerraformVariables, "live.tfvars.json"),
];

/// Texts of pieces that mean something to one of the parsers.
fn pieces(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece =
        prop_oneof![8 => prop::sample::select(pieces).prop_map(str::to_owned), 1 => "\\PC{0,3}", 1 => "[a-z0-9]{1,3}"];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

const YAML_PIECES: &[&str] = &[
    "apiVersion: v1\nkind: Pod\n",
    "apiVersion: v1",
    "kind: List\nitems:\n",
    "- ",
    "-",
    "a",
    "b: ",
    ": ",
    ":",
    "?",
    "? ",
    "\n",
    "\n  ",
    "\n    ",
    "\r\n",
    "\r",
    " ",
    "\t",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "|",
    ">",
    "|-\n",
    ">+2\n",
    "&x ",
    "*x",
    "<<: ",
    "!!str ",
    "!t ",
    "#",
    " # c\n",
    "---\n",
    "--- ",
    "...\n",
    "%YAML 1.2\n",
    "ü",
    "🦀",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\\",
    "0x1f",
    "0o7",
    "1e3",
    ".5",
    "-",
    "+1",
    "1_0",
    "~",
    "null",
    "yes",
    "jobs:\n",
    "on: push\n",
    "metadata: {name: x}\n",
    "\0",
    "\u{7f}",
];
const JSON_PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"a\"",
    "\"kind\":\"List\"",
    "\"apiVersion\":\"v1\"",
    "\"items\":[",
    "\"",
    "\\",
    "\\u00",
    "\\ud800",
    "\\n",
    "1",
    "-",
    "0",
    ".",
    "e",
    "true",
    "false",
    "null",
    " ",
    "\n",
    "\t",
    "ü",
    "🦀",
    "\u{feff}",
    "\0",
    "1e999",
];
const DOCKERFILE_PIECES: &[&str] = &[
    "FROM ",
    "FROM a AS b\n",
    "RUN ",
    "ENV ",
    "ARG ",
    "COPY ",
    "ADD ",
    "CMD ",
    "HEALTHCHECK ",
    "ONBUILD ",
    "# syntax=x\n",
    "# escape=`\n",
    "# ",
    "\n",
    "\\\n",
    "`\n",
    "\\",
    "`",
    " ",
    "\t",
    "\r\n",
    "--from=a ",
    "--mount=type=bind,from=a ",
    "[\"a\", \"b\"]",
    "[",
    "]",
    "\"",
    "'",
    "<<EOF\n",
    "<<-'E'\n",
    "EOF\n",
    "E\n",
    "<<",
    "$",
    "${",
    "}",
    "${a:-b}",
    "$a",
    "a=b ",
    "=",
    "ü",
    "🦀",
    "\u{feff}",
    "\0",
    "scratch",
    ":",
    "@sha256:",
    "%",
];
const HCL_PIECES: &[&str] = &[
    "resource \"a\" \"b\" {\n",
    "locals {\n",
    "variable \"v\" {\n",
    "}\n",
    "}",
    "{",
    "a = ",
    "default = ",
    "b",
    "=",
    "\n",
    " ",
    "\r\n",
    "\"",
    "${",
    "%{ if a }",
    "%{ endif }",
    "%{",
    "$${",
    "<<EOT\n",
    "<<-EOT\n",
    "EOT\n",
    "[",
    "]",
    "(",
    ")",
    ",",
    ".",
    "*",
    "for x in y : ",
    "=>",
    "...",
    "? ",
    ": ",
    "+",
    "-",
    "!",
    "&&",
    "local.a",
    "var.v",
    "each.value",
    "1",
    "0.5e3",
    "true",
    "null",
    "#",
    "//",
    "/*",
    "*/",
    "\\",
    "\\u00e9",
    "ü",
    "🦀",
    "\u{feff}",
    "\0",
    "terraform {\n",
    "backend \"s3\" {}\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "(?s).{0,60}") {
        for (form, path) in FORMS {
            check_any(form, path, &text);
        }
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let text = String::from_utf8_lossy(&bytes);
        for (form, path) in FORMS {
            check_any(form, path, &text);
        }
    }

    #[test]
    fn any_yaml(text in pieces(YAML_PIECES), path in prop::sample::select(&["in.yaml", ".github/workflows/a.yml", "compose.yaml", "Chart.yaml"][..])) {
        check_any(YAML, path, &text);
        check_any(Form::Yaml(Scalars::Core12), path, &format!("apiVersion: v1\nkind: X\ndata: {text}"));
    }

    #[test]
    fn any_json(text in pieces(JSON_PIECES)) {
        check_any(Form::Json, "in.json", &text);
        check_any(Form::Json, "in.json", &format!("{{\"apiVersion\":\"v1\",\"kind\":\"X\",\"data\":{text}"));
    }

    #[test]
    fn any_dockerfile(text in pieces(DOCKERFILE_PIECES)) {
        check_any(Form::Dockerfile, "Dockerfile", &text);
        check_any(Form::Dockerfile, "Dockerfile", &format!("FROM a\n{text}"));
    }

    #[test]
    fn any_terraform(text in pieces(HCL_PIECES)) {
        check_any(Form::Terraform, "main.tf", &text);
        check_any(Form::Terraform, "main.tf", &format!("locals {{\n  a = {text}\n}}\nresource \"x\" \"y\" {{\n  z = local.a\n}}\n"));
    }

    /// Good manifests with a few bytes changed.
    #[test]
    fn damaged_manifests(
        deployment in deployment(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(YAML_PIECES)), 1..4),
    ) {
        let value = serde_json::to_value(&deployment).unwrap();
        for (form, mut text) in [(YAML, write_yaml(&value)), (Form::Json, value.to_string())] {
            for (at, piece) in &edits {
                let mut at = at.index(text.len() + 1);
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                text.insert_str(at, piece);
            }
            check_any(form, path_of(form), &text);
        }
    }

    /// JSON is read as `serde_json` reads it, by the JSON parser and, but for the way in which
    /// kubectl passes on large whole numbers, by the YAML parser.
    #[test]
    fn json_is_json(data in any_value()) {
        let value = json!({"apiVersion": "v1", "kind": "X", "data": data});
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            for form in [Form::Json, YAML] {
                let document = only(form, &text);
                prop_assert_eq!(as_sent(document.root.to_value()), as_sent(value.clone()), "{:?}", form);
                check_spans(&document);
            }
        }
    }

    #[test]
    fn any_value_is_written_as_yaml(data in any_value()) {
        let value = json!({"apiVersion": "v1", "kind": "X", "data": data});
        let document = only(YAML, &write_yaml(&value));
        prop_assert_eq!(as_sent(document.root.to_value()), as_sent(value));
        check_spans(&document);
    }

    #[test]
    fn typed_deployments(deployment in deployment()) {
        let value = serde_json::to_value(&deployment).unwrap();
        for (form, text) in [
            (Form::Json, serde_json::to_string(&deployment).unwrap()),
            (Form::Json, serde_json::to_string_pretty(&deployment).unwrap()),
            (YAML, write_yaml(&value)),
            (YAML, serde_json::to_string_pretty(&deployment).unwrap()),
        ] {
            let document = only(form, &text);
            prop_assert_eq!(&document.root.to_value(), &value, "{}", text);
            check_spans(&document);
            prop_assert_eq!(&document.subject.kind, "Deployment");
            prop_assert_eq!(Some(&document.subject.name), deployment.metadata.name.as_ref());
        }
    }

    #[test]
    fn projections(
        deployment in deployment(),
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<u32>(), any::<bool>()), 0..8),
    ) {
        let value = serde_json::to_value(&deployment).unwrap();
        let document = only(YAML, &write_yaml(&value));
        let shape = WorkloadKinds::default().shape(&document);
        let view = json!({"object": value, "pod": value["spec"]["template"], "file": "in.yaml"});
        for (shape, seen) in [(shape, view), (Shape::Plain, value)] {
            let mut paths = Vec::new();
            collect(&seen, String::new(), &mut paths);
            let reads: Vec<ReadPath> = picks.iter().map(|(at, wild, sibling)| {
                read(&paths[at.index(paths.len())], *wild, *sibling)
            }).collect();
            let json = Projection::new(&reads).apply(&document, &shape);
            let projected: Json = serde_json::from_str(&json).unwrap();
            let segments: Vec<&[Segment]> = reads.iter().map(ReadPath::segments).collect();
            compare(&seen, &projected, &segments, "");
            leads_back(&projected, &Pointer::root(), &document, &shape);
        }
    }
}

// ---------------------------------------------------------------------------------------------
// Projections, said again

/// The keys and positions of every value: `.key`, or `[]` for a position.
fn collect(value: &Json, path: String, out: &mut Vec<String>) {
    match value {
        Json::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| !key.contains("\"]") && !key.contains('\u{1}')) {
                collect(value, format!("{path}\u{1}{key}"), out);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, format!("{path}\u{1}\u{2}"), out)),
        _ => {}
    }
    if !path.is_empty() {
        out.push(path);
    }
}

/// The read path of a collected one. A bit of `wild` makes a key a `*`; `sibling` leads it astray.
fn read(path: &str, wild: u32, sibling: bool) -> ReadPath {
    let mut text = String::new();
    for (index, step) in path.split('\u{1}').skip(1).enumerate() {
        if step == "\u{2}" {
            text.push_str("[*]");
        } else if index > 0 && wild.rotate_right(index as u32) & 7 == 0 {
            text.push_str(".*");
        } else {
            text.push_str(&format!("[\"{step}\"]"));
        }
    }
    if sibling && wild & 0x100 != 0 && !text.starts_with("[\"file\"]") {
        text.push_str(".nowhere");
    }
    // A bracket follows a dot-less one only.
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// What a projection is, from the reads directly: what a read path ends in is there whole, what it
/// passes through is there in part, and nothing else is.
fn compare(original: &Json, projected: &Json, reads: &[&[Segment]], at: &str) {
    if reads.iter().any(|read| read.is_empty()) {
        return assert_eq!(original, projected, "at {at}");
    }
    let on = |matches: &dyn Fn(&Segment) -> bool| -> Vec<&[Segment]> {
        reads.iter().filter(|read| matches(&read[0])).map(|read| &read[1..]).collect()
    };
    match original {
        Json::Object(map) => {
            let got = projected.as_object().unwrap_or_else(|| panic!("no mapping at {at}: {projected}"));
            let mut expected = 0;
            for (key, value) in map {
                let rest = on(&|segment| match segment {
                    Segment::Key(wanted) => wanted == key,
                    Segment::AnyKey => true,
                    Segment::AnyItem | Segment::Tree(..) => false,
                });
                if rest.is_empty() {
                    assert!(!got.contains_key(key), "{key} at {at} was not asked for");
                } else {
                    expected += 1;
                    compare(value, got.get(key).unwrap_or(&Json::Null), &rest, &format!("{at}/{key}"));
                }
            }
            assert_eq!(got.len(), expected, "at {at}");
        }
        Json::Array(items) => {
            let got = projected.as_array().unwrap_or_else(|| panic!("no sequence at {at}: {projected}"));
            let rest = on(&|segment| matches!(segment, Segment::AnyItem));
            if rest.is_empty() {
                assert!(got.is_empty(), "at {at}");
            } else {
                assert_eq!(got.len(), items.len(), "positions survive at {at}");
                for (index, (item, got)) in items.iter().zip(got).enumerate() {
                    compare(item, got, &rest, &format!("{at}/{index}"));
                }
            }
        }
        _ => assert_eq!(projected, &Json::Null, "at {at}"),
    }
}

/// Every value of a projection is what stands where its path leads in the document.
fn leads_back(projected: &Json, pointer: &Pointer, document: &Document, shape: &Shape) {
    match projected {
        Json::Object(map) => map.iter().for_each(|(key, value)| leads_back(value, &pointer.join(key), document, shape)),
        Json::Array(items) => items.iter().enumerate().for_each(|(index, value)| {
            leads_back(value, &pointer.join(index.to_string()), document, shape);
        }),
        Json::Null => {}
        value => {
            if *shape != Shape::Plain && pointer.tokens() == ["file"] {
                return;
            }
            let original = document.at(&shape.resolve(pointer).unwrap()).unwrap();
            assert_eq!(original.to_value(), *value, "at {pointer}");
        }
    }
}

// ---------------------------------------------------------------------------------------------
// Generators

/// Texts that a YAML reader may take for something else.
const NASTY: &[&str] = &[
    "",
    " ",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "N",
    "true",
    "null",
    "~",
    "Null",
    "0",
    "-1",
    "+1",
    "0x1f",
    "0o17",
    "0777",
    "0b1",
    "1_000",
    "1e3",
    ".5",
    "5.",
    ".inf",
    ".NaN",
    "12:30",
    "2001-01-01",
    "=",
    "<<",
    "*a",
    "&a",
    "!t",
    "%d",
    "@a",
    "`a",
    "#c",
    "a #c",
    "a: b",
    "a:",
    ":a",
    ": ",
    "- a",
    "-",
    "--",
    "---",
    "--- a",
    "...",
    "?",
    "? a",
    "[a",
    "]",
    "{a",
    "}",
    ",a",
    "'",
    "''",
    "\"",
    "\\",
    "\\n",
    "a\nb",
    "a\r\nb",
    "\n",
    "\t",
    "a\tb",
    " a",
    "a ",
    "é",
    "日本",
    "🦀",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "a\u{feff}",
    "\u{10ffff}",
    "\0",
    "\u{1}",
    "\u{1b}[31m",
    "a/b",
    "a~b",
    "a.b",
    "a[0]",
    "|",
    ">",
    "|-",
    "a'b",
    "nginx:1.25@sha256:00",
    "100m",
    "{{ .Values.x }}",
    "$(A)",
    "${A}",
];

/// What no YAML may hold as it is; [`unprintable_characters`] is about those.
const UNPRINTABLE: &[char] = &['\u{7f}', '\u{80}', '\u{84}', '\u{86}', '\u{9f}', '\u{fffe}', '\u{ffff}'];

fn printable(text: String) -> String {
    let unprintable = |c: char| c != '\u{85}' && matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    text.replace(unprintable, "")
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z][a-z0-9-]{0,8}", 3 => prop::sample::select(NASTY).prop_map(str::to_owned), 1 => "(?s).{0,6}".prop_map(printable), 1 => "\\PC{0,60}"]
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,8}"
}

fn map() -> impl Strategy<Value = Option<BTreeMap<String, String>>> {
    prop::option::of(prop::collection::btree_map(text(), text(), 0..4))
}

fn quantities() -> impl Strategy<Value = Option<BTreeMap<String, Quantity>>> {
    let quantity = prop_oneof![Just("100m"), Just("1"), Just("0.5"), Just("1e3"), Just("64Mi"), Just("12E")];
    prop::option::of(prop::collection::btree_map(text(), quantity.prop_map(|text| Quantity(text.into())), 0..3))
}

fn int_or_string() -> impl Strategy<Value = IntOrString> {
    prop_oneof![any::<i32>().prop_map(IntOrString::Int), text().prop_map(IntOrString::String)]
}

fn probe() -> impl Strategy<Value = Option<Probe>> {
    let probe = (int_or_string(), prop::option::of(text()), prop::option::of(any::<i32>())).prop_map(
        |(port, path, period_seconds)| Probe {
            http_get: Some(HTTPGetAction { port, path, ..HTTPGetAction::default() }),
            period_seconds,
            ..Probe::default()
        },
    );
    prop::option::of(probe)
}

fn container() -> impl Strategy<Value = Container> {
    let texts = || prop::option::of(prop::collection::vec(text(), 0..4));
    let env = prop::option::of(prop::collection::vec((text(), prop::option::of(text())), 0..4));
    let ports = prop::option::of(prop::collection::vec((any::<i32>(), prop::option::of(text())), 0..3));
    let security = prop::option::of((prop::option::of(any::<bool>()), prop::option::of(any::<i64>())));
    (name(), prop::option::of(text()), texts(), texts(), env, ports, (quantities(), quantities()), probe(), security)
        .prop_map(|(name, image, command, args, env, ports, (limits, requests), probe, security)| Container {
            name,
            image,
            command,
            args,
            env: env
                .map(|env| env.into_iter().map(|(name, value)| EnvVar { name, value, ..EnvVar::default() }).collect()),
            ports: ports.map(|ports| {
                ports
                    .into_iter()
                    .map(|(container_port, name)| ContainerPort { container_port, name, ..ContainerPort::default() })
                    .collect()
            }),
            resources: Some(ResourceRequirements { limits, requests, ..ResourceRequirements::default() }),
            readiness_probe: probe,
            security_context: security.map(|(privileged, run_as_user)| SecurityContext {
                privileged,
                run_as_user,
                ..SecurityContext::default()
            }),
            ..Container::default()
        })
}

fn pod() -> impl Strategy<Value = PodSpec> {
    let containers = || prop::collection::vec(container(), 0..3);
    let volumes = prop::option::of(prop::collection::vec(text(), 0..3));
    let tolerations =
        prop::option::of(prop::collection::vec((prop::option::of(text()), prop::option::of(any::<i64>())), 0..3));
    (
        containers(),
        prop::option::of(containers()),
        volumes,
        tolerations,
        map(),
        prop::option::of(any::<i64>()),
        prop::option::of(any::<bool>()),
    )
        .prop_map(|(containers, init_containers, volumes, tolerations, node_selector, seconds, non_root)| {
            PodSpec {
                containers,
                init_containers,
                volumes: volumes
                    .map(|names| names.into_iter().map(|name| Volume { name, ..Volume::default() }).collect()),
                tolerations: tolerations.map(|tolerations| {
                    tolerations
                        .into_iter()
                        .map(|(key, toleration_seconds)| Toleration {
                            key,
                            toleration_seconds,
                            ..Toleration::default()
                        })
                        .collect()
                }),
                node_selector,
                termination_grace_period_seconds: seconds,
                security_context: non_root.map(|run_as_non_root| PodSecurityContext {
                    run_as_non_root: Some(run_as_non_root),
                    ..PodSecurityContext::default()
                }),
                ..PodSpec::default()
            }
        })
}

fn deployment() -> impl Strategy<Value = Deployment> {
    (name(), prop::option::of(name()), map(), map(), map(), prop::option::of(any::<i32>()), prop::option::of(pod()))
        .prop_map(|(name, namespace, labels, annotations, match_labels, replicas, spec)| Deployment {
            metadata: ObjectMeta {
                name: Some(name),
                namespace,
                labels: labels.clone(),
                annotations,
                ..ObjectMeta::default()
            },
            spec: Some(DeploymentSpec {
                replicas,
                selector: LabelSelector { match_labels, ..LabelSelector::default() },
                template: PodTemplateSpec { metadata: Some(ObjectMeta { labels, ..ObjectMeta::default() }), spec },
                ..DeploymentSpec::default()
            }),
            ..Deployment::default()
        })
}

/// Whole floating-point numbers below 10²¹ as kubectl sends them: Go's `encoding/json` writes such
/// a number without its exponent, so that `2.5e+16` and `25000000000000000` are one value.
fn as_sent(value: Json) -> Json {
    match value {
        Json::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e21 => {
                serde_json::from_str(&format!("{float}")).expect("a whole number")
            }
            _ => Json::Number(number),
        },
        Json::Array(items) => items.into_iter().map(as_sent).collect(),
        Json::Object(entries) => entries.into_iter().map(|(key, value)| (key, as_sent(value))).collect(),
        scalar => scalar,
    }
}

fn any_value() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        prop::num::f64::NORMAL.prop_map(Json::from),
        text().prop_map(Json::from),
    ];
    scalar.prop_recursive(5, 40, 6, |value| {
        prop_oneof![
            prop::collection::vec(value.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((text(), value), 0..6)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}
