use super::*;
use crate::parse::{Limits, Scalars, json, yaml};
use proptest::prelude::*;
use serde_json::json;

fn parse_yaml(text: &str) -> Result<Node, SyntaxError> {
    yaml::parse(text, Scalars::Kubernetes, &Limits::default())?.ok_or_else(|| SyntaxError::new(0, "empty"))
}

fn edit_yaml(text: &str, operations: serde_json::Value) -> Result<String, EditError> {
    let operations = parse_operations(&operations.to_string()).unwrap();
    apply(text, &parse_yaml(text).unwrap(), &operations, Format::Yaml, parse_yaml)
}

fn edit_json(text: &str, operations: serde_json::Value) -> Result<String, EditError> {
    let parse = |text: &str| json::parse(text, &Limits::default());
    let operations = parse_operations(&operations.to_string()).unwrap();
    apply(text, &parse(text).unwrap(), &operations, Format::Json, parse)
}

const POD: &str = "\
# what it is
apiVersion: v1
kind: Pod # a pod
spec:
  # the containers
  containers:
  - name: app # first
    image: \"app:1\"
    ports: [{containerPort: 80}] # web
  - name: sidecar
    securityContext:
      privileged: true   # expect: privileged
  # where it runs
  nodeName: a
";

#[test]
fn adds_entries_in_the_style_around_and_keeps_comments() {
    let edited = edit_yaml(
        POD,
        json!([
            {"op": "add", "path": "/spec/containers/0/securityContext", "value": {"capabilities": {"drop": ["ALL"]}}},
            {"op": "add", "path": "/spec/containers/1/securityContext/runAsNonRoot", "value": true},
            {"op": "add", "path": "/spec/containers/0/ports/0/name", "value": "yes"},
            {"op": "add", "path": "/spec/containers/-", "value": {"name": "new", "args": ["-v", "1"]}},
        ]),
    );
    let expected = "\
# what it is
apiVersion: v1
kind: Pod # a pod
spec:
  # the containers
  containers:
  - name: app # first
    image: \"app:1\"
    ports: [{containerPort: 80, name: \"yes\"}] # web
    securityContext:
      capabilities:
        drop:
        - ALL
  - name: sidecar
    securityContext:
      privileged: true   # expect: privileged
      runAsNonRoot: true
  - name: new
    args:
    - \"-v\"
    - \"1\"
  # where it runs
  nodeName: a
";
    assert_eq!(edited.as_deref(), Ok(expected));
}

#[test]
fn replaces_and_removes() {
    let edited = edit_yaml(
        POD,
        json!([
            {"op": "replace", "path": "/spec/containers/0/image", "value": "app:2"},
            {"op": "remove", "path": "/spec/containers/1/securityContext/privileged"},
            {"op": "remove", "path": "/spec/containers/0/name"},
            {"op": "remove", "path": "/spec/containers/0/ports/0"},
            {"op": "replace", "path": "/spec/nodeName", "value": {"a": {"b": 1}}},
        ]),
    );
    let expected = "\
# what it is
apiVersion: v1
kind: Pod # a pod
spec:
  # the containers
  containers:
  - image: app:2
    ports: [] # web
  - name: sidecar
    securityContext: {}   # expect: privileged
  # where it runs
  nodeName:
    a:
      b: 1
";
    assert_eq!(edited.as_deref(), Ok(expected));
}

#[test]
fn a_script_of_several_lines_stays_one() {
    let text = "steps:\n  - run: | # why\n      echo a\n\n      echo b\n    name: x\n  - run: >-\n      one\n      two";
    let edited = edit_yaml(
        text,
        json!([
            {"op": "replace", "path": "/steps/0/run", "value": "echo \"$A\"\n\necho b\n"},
            {"op": "replace", "path": "/steps/1/run", "value": "three\nfour"},
        ]),
    );
    let expected =
        "steps:\n  - run: |\n      echo \"$A\"\n\n      echo b\n    name: x\n  - run: |-\n      three\n      four";
    assert_eq!(edited.as_deref(), Ok(expected));
}

#[test]
fn fills_what_is_empty() {
    let text = "a: {}\nb: []\nc:\nd: null # none\n";
    let edited = edit_yaml(
        text,
        json!([
            {"op": "add", "path": "/a/x", "value": 1},
            {"op": "add", "path": "/b/-", "value": {"k": [2]}},
            {"op": "replace", "path": "/c", "value": {"z": 3}},
            {"op": "replace", "path": "/d", "value": "text"},
        ]),
    );
    assert_eq!(edited.as_deref(), Ok("a: {x: 1}\nb: [{k: [2]}]\nc:\n  z: 3\nd: text # none\n"));
}

#[test]
fn keeps_windows_line_ends_and_a_missing_last_one() {
    let edited = edit_yaml(
        "a:\r\n  b: 1\r\nc: 2",
        json!([
            {"op": "add", "path": "/a/d", "value": 3},
            {"op": "add", "path": "/e", "value": [4]},
        ]),
    );
    assert_eq!(edited.as_deref(), Ok("a:\r\n  b: 1\r\n  d: 3\r\nc: 2\r\ne:\r\n  - 4"));
}

#[test]
fn json_keeps_its_layout() {
    let text = "{\n  \"a\": {\n    \"b\": 1\n  },\n  \"c\": [1, 2]\n}\n";
    let edited = edit_json(
        text,
        json!([
            {"op": "add", "path": "/a/d", "value": {"e": "f"}},
            {"op": "add", "path": "/c/0", "value": 0},
            {"op": "remove", "path": "/c/2"},
        ]),
    );
    assert_eq!(
        edited.as_deref(),
        Ok("{\n  \"a\": {\n    \"b\": 1,\n    \"d\": {\"e\": \"f\"}\n  },\n  \"c\": [0, 1]\n}\n")
    );
}

#[test]
fn what_stands_elsewhere_is_not_edited() {
    let text = "base: &base\n  x: 1\nuse: *base\nmerged:\n  <<: *base\n  y: 2\n";
    for path in ["/use/x", "/merged/x"] {
        let edited = edit_yaml(text, json!([{"op": "replace", "path": path, "value": 2}]));
        assert!(matches!(edited, Err(EditError::Aliased(_))), "{path}: {edited:?}");
    }
    let edited = edit_yaml(text, json!([{"op": "add", "path": "/merged/z", "value": 3}]));
    assert_eq!(edited.as_deref(), Ok("base: &base\n  x: 1\nuse: *base\nmerged:\n  <<: *base\n  y: 2\n  z: 3\n"));
}

#[test]
fn a_failed_test_and_a_wrong_path_change_nothing() {
    let wrong = edit_yaml(POD, json!([{"op": "test", "path": "/kind", "value": "Job"}]));
    assert!(matches!(wrong, Err(EditError::TestFailed(_))), "{wrong:?}");
    let wrong = edit_yaml(POD, json!([{"op": "remove", "path": "/spec/none"}]));
    assert!(matches!(wrong, Err(EditError::NoSuchPath(_))), "{wrong:?}");
}

fn arbitrary_value() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![
        "[a-z]{1,6}",
        "[ -~]{0,8}",
        "[ab#:\\- \\n]{0,12}",
        Just("yes".to_owned()),
        Just("0x1F".to_owned()),
        Just("a: b #c".to_owned())
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        text.prop_map(Into::into)
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every pointer into a value.
fn pointers(value: &serde_json::Value, at: &Pointer, out: &mut Vec<Pointer>) {
    out.push(at.clone());
    match value {
        serde_json::Value::Object(map) => {
            map.iter().for_each(|(key, value)| pointers(value, &at.join(key.as_str()), out))
        }
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| pointers(item, &at.join(index.to_string()), out));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_reads_back(value in arbitrary_value()) {
        let root = json!({ "root": value });
        let read = parse_yaml(&write_yaml(&root)).unwrap();
        prop_assert_eq!(read.to_value(), root);
    }

    /// Any edit of block YAML gives exactly the patched value, and keeps every comment that is not
    /// on a line of the part that was replaced.
    #[test]
    fn edits_mean_what_the_rfc_says(value in arbitrary_value(), new in arbitrary_value(), pick: prop::sample::Index, add: bool) {
        let root = json!({ "keep": 1, "root": value });
        let text = format!("# head\n{}# tail\n", write_yaml(&root));
        let mut all = Vec::new();
        pointers(&root["root"], &Pointer::root().join("root"), &mut all);
        let path = pick.get(&all).clone();
        let operation = if add {
            let target = root.pointer(&path.to_string()).unwrap();
            let token = if target.is_array() { "-" } else { "added" };
            if !target.is_object() && !target.is_array() { return Ok(()); }
            Operation::Add { path: path.join(token), value: new }
        } else {
            Operation::Replace { path, value: new }
        };
        let node = parse_yaml(&text).unwrap();
        let edited = apply(&text, &node, std::slice::from_ref(&operation), Format::Yaml, parse_yaml);
        prop_assert!(edited.is_ok(), "{operation:?}\n{text}\n{edited:?}");
        let edited = edited.unwrap();
        prop_assert!(edited.starts_with("# head\n") && edited.ends_with("# tail\n"), "{edited}");
        prop_assert_eq!(parse_yaml(&edited).unwrap().to_value(), patched(&node, &operation).unwrap());
    }
}
