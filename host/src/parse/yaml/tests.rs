use super::*;
use proptest::prelude::*;
use serde_json::json;

fn value(text: &str, scalars: Scalars) -> serde_json::Value {
    parse(text, scalars, &Limits::default()).unwrap().map_or(serde_json::Value::Null, |node| node.to_value())
}

fn error(text: &str) -> SyntaxError {
    parse(text, Scalars::Kubernetes, &Limits::default()).unwrap_err()
}

#[test]
fn plain_scalars_are_what_the_clients_of_kubernetes_make_of_them() {
    let text = "[yes, On, y, no, OFF, N, true, 'yes', \"on\", 0777, 0o17, 0x1F, 0b11, 1_000, 12, -3, +4, .5, 1., 1e3, \
                1.5E-3, 007, 08, ~, null, 2001-01-01, .inf, .nan, 1.2.3, 12Mi, 9007199254740993, !!str 1, !!int '2']";
    let kubernetes = json!([
        true,
        true,
        true,
        false,
        false,
        false,
        true,
        "yes",
        "on",
        511,
        15,
        31,
        3,
        1000,
        12,
        -3,
        4,
        0.5,
        1,
        1000,
        1.5e-3,
        7,
        8,
        null,
        null,
        "2001-01-01",
        ".inf",
        ".nan",
        "1.2.3",
        "12Mi",
        9007199254740993_i64,
        "1",
        2
    ]);
    assert_eq!(value(text, Scalars::Kubernetes), kubernetes);
    let core = value("[yes, on, y, 0777, 0b11, 1_000, true, 0o17]", Scalars::Core12);
    assert_eq!(core, json!(["yes", "on", "y", 777, "0b11", "1_000", true, 15]));
}

#[test]
fn plain_scalars_are_what_kubectl_makes_of_them() {
    let lines = include_str!("kubernetes_scalars.tsv").lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let (json, scalars) = line.split_once('\t').unwrap();
        for scalar in scalars.split(' ') {
            let root = parse(&format!("k: {scalar}"), Scalars::Kubernetes, &Limits::default()).unwrap().unwrap();
            let expected = if json == "text" { json!(scalar).to_string() } else { json.to_owned() };
            assert_eq!(root.to_json(), format!("{{\"k\":{expected}}}"), "{scalar}");
        }
    }
}

#[test]
fn tags_are_what_kubectl_makes_of_them() {
    let text = "[! 12, !foo 12, !!foo 12, !!str 12, !!int '12', !!int '0x10', !!float 08, !!bool 'yes', !!null '', \
                !!timestamp 2001-01-01, !!binary aGk=, !!binary 'aGl=', !!binary /w==, !!binary 8J+YgA==, !!binary aGk]";
    let expected = json!([
        "12",
        "12",
        "12",
        "12",
        12,
        16,
        8,
        true,
        null,
        "2001-01-01",
        "hi",
        "hi",
        "\u{fffd}",
        "\u{1f600}",
        // Refused by kubectl.
        "aGk"
    ]);
    assert_eq!(value(text, Scalars::Kubernetes), expected);
    assert_eq!(value("[! 12, !foo 12, !!foo 12, !!binary aGk=]", Scalars::Core12), json!(["12", 12, "12", "aGk="]));
}

#[test]
fn keys_are_strings() {
    let root = value("on: 1\n8080: 2\ntrue: 3\nnull: 4\n'a b': 5\n", Scalars::Kubernetes);
    assert_eq!(root, json!({"on": 1, "8080": 2, "true": 3, "null": 4, "a b": 5}));
    assert!(error("? [a]\n: 1\n").message.contains("scalar"));
}

#[test]
fn anchors_aliases_and_merge_keys() {
    let text =
        "base: &base {a: 1, b: 2}\nuse: *base\nmerged:\n  <<: *base\n  b: 3\nboth:\n  <<: [*base, {a: 9, c: 4}]\n";
    let root = parse(text, Scalars::Kubernetes, &Limits::default()).unwrap().unwrap();
    let expected = json!({
        "base": {"a": 1, "b": 2}, "use": {"a": 1, "b": 2}, "merged": {"b": 3, "a": 1}, "both": {"a": 1, "b": 2, "c": 4}
    });
    assert_eq!(root.to_value(), expected);
    assert!(root.path(&["use"]).unwrap().aliased);
    assert!(root.path(&["merged", "a"]).unwrap().aliased);
    assert!(!root.path(&["merged", "b"]).unwrap().aliased);
    assert!(error("a: &a [*a]\n").message.contains("inside its own anchor"));
    assert_eq!(error("a: *none\n").at, 3);
}

#[test]
fn mistakes_are_reported_where_they_are() {
    let duplicate = error("a: 1\nb: 2\na: 3\n");
    assert_eq!((duplicate.at, duplicate.message.as_str()), (10, "the key `a` stands twice in this mapping"));
    assert_eq!(error("a: [1, 2\n").at, 3);
}

#[test]
fn tags_of_other_tools_keep_the_value() {
    assert_eq!(value("a: !Ref x\nb: !Sub {c: 1}\n", Scalars::Core12), json!({"a": "x", "b": {"c": 1}}));
}

#[test]
fn streams_are_cut_at_markers_alone() {
    let text = "%YAML 1.2\n---\na: |\n  x\n  --- no marker\n---\n# only a comment\n--- {b: 1}\n...\nc: 2\n";
    let pieces: Vec<&str> = split_documents(text).into_iter().map(|piece| &text[piece]).collect();
    assert_eq!(pieces, ["%YAML 1.2\n---\na: |\n  x\n  --- no marker\n", "--- {b: 1}\n...\n", "c: 2\n"]);
    let values: Vec<_> = pieces.iter().map(|piece| value(piece, Scalars::Core12)).collect();
    assert_eq!(values, [json!({"a": "x\n--- no marker\n"}), json!({"b": 1}), json!({"c": 2})]);
    assert!(split_documents("\u{feff}---\n# nothing\n---\n").is_empty());
    assert_eq!(split_documents("a: 1\r\n---\r\nb: 2").len(), 2);
}

#[test]
fn spans_are_what_is_written() {
    let text =
        "\u{feff}k: &x 'v'\nlist:\n- a\n-   - b\nflow: {x: [1, 2]} # c\nblock: |\n  one\n  two\n\nempty:\nlast: z";
    let root = parse(text, Scalars::Core12, &Limits::default()).unwrap().unwrap();
    let written = |path: &[&str]| &text[root.path(path).unwrap().span.range()];
    assert_eq!(written(&["k"]), "'v'");
    assert_eq!(written(&["list"]), "- a\n-   - b");
    assert_eq!(&text[root.get("list").unwrap().items()[1].span.range()], "- b");
    assert_eq!(written(&["flow"]), "{x: [1, 2]}");
    assert_eq!(written(&["flow", "x"]), "[1, 2]");
    assert_eq!(written(&["block"]), "|\n  one\n  two");
    assert_eq!(written(&["empty"]), "");
    assert_eq!(root.get("empty").unwrap().span.start as usize, text.find("empty:").unwrap() + 6);
    assert_eq!(&text[root.entry("last").unwrap().key_span.range()], "last");
}

/// With scans that start over, each of these would take minutes.
#[test]
fn no_text_makes_a_scan_start_over() {
    let long = 1 << 20;
    assert_eq!(split_documents(&format!("{}{}", "#\n".repeat(long), "%\n".repeat(long))).len(), 1);
}

#[test]
fn bombs_are_refused_with_the_bound_named() {
    let mut laughs = String::from("a0: &a0 [x, x]\n");
    for level in 1..40 {
        laughs += &format!("a{level}: &a{level} [*a{0}, *a{0}, *a{0}]\n", level - 1);
    }
    assert!(error(&laughs).message.contains("limit `alias_nodes`"), "{:?}", error(&laughs));
    for deep in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        (0..5000).map(|n| " ".repeat(n) + "a:\n").collect(),
    ] {
        assert!(error(&deep).message.contains("limit `depth`"), "{}", error(&deep).message);
    }
    let many = "- x\n".repeat(1001);
    let limits = Limits { nodes: 1000, ..Limits::default() };
    assert!(parse(&many, Scalars::Core12, &limits).unwrap_err().message.contains("limit `nodes`"));
}

fn arbitrary() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "\\PC{0,12}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map("[a-z]{1,5}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every value's own text parses to that value again.
fn assert_spans(node: &Node, text: &str) {
    let own = &text[node.span.range()];
    if node.is_collection() && !own.starts_with(['{', '[']) {
        // A block loses its indentation when it is cut out; its children are checked instead.
    } else {
        assert_eq!(value(own, Scalars::Core12), node.to_value(), "{own:?} of {text:?}");
    }
    node.items().iter().for_each(|item| assert_spans(item, text));
    node.entries().iter().for_each(|entry| {
        assert_eq!(value(&text[entry.key_span.range()], Scalars::Core12), serde_json::Value::from(&*entry.key));
        assert_spans(&entry.value, text);
    });
}

proptest! {
    #[test]
    fn json_is_yaml_and_blocks_are_too(root in arbitrary()) {
        // YAML has no escape for surrogate pairs, which serde_json does not write either.
        let flow = serde_json::to_string(&root).unwrap();
        prop_assert_eq!(value(&flow, Scalars::Core12), root.clone());
        let block = crate::fix::edit::write_yaml(&json!({"k": root}));
        let node = parse(&block, Scalars::Core12, &Limits::default()).unwrap().unwrap();
        prop_assert_eq!(node.to_value(), json!({"k": root}));
        assert_spans(&node, &block);
    }

    #[test]
    fn never_panics_and_spans_stay_inside(text in "[-a:?&*!|>'\"{}\\[\\],#%@ \\n\\t\u{e9}1~<]{0,60}") {
        for piece in split_documents(&text) {
            let piece = &text[piece];
            if let Ok(Some(node)) = parse(piece, Scalars::Kubernetes, &Limits::default()) {
                let mut open = vec![&node];
                while let Some(node) = open.pop() {
                    prop_assert!(piece.get(node.span.range()).is_some(), "{piece:?} {:?}", node.span);
                    for entry in node.entries() {
                        prop_assert!(piece.get(entry.key_span.range()).is_some());
                        open.push(&entry.value);
                    }
                    open.extend(node.items());
                }
            }
        }
    }
}
