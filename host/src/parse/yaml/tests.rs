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
fn what_kubectl_merges_replaces_what_stands_before_it() {
    let text = "b: &b {a: 1, c: 2}\nm:\n  a: 0\n  <<: *b\n  c: 3\nl:\n  a: 0\n  <<: [{a: 4}, *b]\n  <<: {c: 5}\n";
    let kubernetes = json!({"b": {"a": 1, "c": 2}, "m": {"a": 1, "c": 3}, "l": {"a": 4, "c": 5}});
    assert_eq!(value(text, Scalars::Kubernetes), kubernetes);
    let core = json!({"b": {"a": 1, "c": 2}, "m": {"a": 0, "c": 3}, "l": {"a": 0, "c": 2}});
    assert_eq!(value(text, Scalars::Core12), core);
    let root = value("[{'<<': {a: 1}}, {! <<: 2}, {!!merge <<: {c: 3}}]", Scalars::Core12);
    assert_eq!(root, json!([{"<<": {"a": 1}}, {"<<": 2}, {"c": 3}]));
}

#[test]
fn an_alias_that_is_a_key_is_its_text() {
    assert_eq!(value("- &k on\n- *k : 1\n", Scalars::Kubernetes), json!([true, {"on": 1}]));
    assert_eq!(error("- &k [a]\n- *k : 1\n").at, 11);
    assert_eq!(error("&k a: &l {*l : 1}\n").message, "the alias stands inside its own anchor");
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

fn spans(text: &str) -> Vec<&str> {
    fn collect<'t>(node: &Node, text: &'t str, out: &mut Vec<&'t str>) {
        if node.is_collection() {
            out.push(&text[node.span.range()]);
        }
        node.items().iter().for_each(|item| collect(item, text, out));
        node.entries().iter().for_each(|entry| collect(&entry.value, text, out));
    }
    let mut out = Vec::new();
    collect(&parse(text, Scalars::Kubernetes, &Limits::default()).unwrap().unwrap(), text, &mut out);
    out
}

#[test]
fn a_collection_ends_with_its_last_alias() {
    let text = "x: &x\n  y: 1\n  z: [2]\nseq:\n- f: *x\n- *x\n";
    let root = text.trim_end();
    let inner = ["y: 1\n  z: [2]", "[2]"];
    let expected = [root, inner[0], inner[1], "- f: *x\n- *x", "f: *x", inner[0], inner[1], inner[0], inner[1]];
    assert_eq!(spans(text), expected);
    assert_eq!(spans("a: &a 1\nb:\n  c: 2\n  <<: {d: *a}\n")[1], "c: 2\n  <<: {d: *a}");
    assert_eq!(spans("a: &a {}\nb:\n  <<: *a\n"), ["a: &a {}\nb:\n  <<: *a", "{}", "<<: *a"]);
}

#[test]
fn a_sequence_below_its_key_starts_with_its_first_dash() {
    for key in ["a:", "a: # - c", "a: &x", "a: !t &x # c\n# - d", "? a\n# - c\n:", "\"a\" :"] {
        for item in ["[b]", "- b", "{b: c}", "b: c", "&y b", "# - e\n    b", ""] {
            for indent in ["", "  "] {
                let text = format!("{key}\n{indent}- {item}\n{indent}- z\n");
                let root = parse(&text, Scalars::Kubernetes, &Limits::default());
                let root = root.unwrap_or_else(|error| panic!("{text}: {error:?}")).unwrap();
                let expected = format!("- {item}\n{indent}- z");
                assert_eq!(&text[root.entries()[0].value.span.range()], expected, "{text}");
            }
        }
    }
}

fn edit(text: &str, operation: serde_json::Value) -> Result<String, crate::edit::EditError> {
    let parse = |text: &str| Ok(parse(text, Scalars::Kubernetes, &Limits::default())?.unwrap());
    let operations = crate::edit::parse_operations(&json!([operation]).to_string()).unwrap();
    crate::edit::apply(text, &parse(text).unwrap(), &operations, crate::document::Format::Yaml, parse)
}

#[test]
fn edits_know_where_an_alias_ends() {
    let add = |path: &str, value| json!({"op": "add", "path": path, "value": value});
    let remove = |path: &str| json!({"op": "remove", "path": path});
    let text = "x: &x\n  y: 1\nseq:\n- f: *x # c\nmap:\n  k: *x\nlist:\n- 1\n- *x\nflow: [[*x], {k: *x}]\nlast: 0\n";
    for (operation, before, after) in [
        (add("/seq/-", json!(2)), "- f: *x # c\n", "- f: *x # c\n- 2\n"),
        (add("/seq/0/g", json!(2)), "- f: *x # c\n", "- f: *x # c\n  g: 2\n"),
        (add("/map/l", json!(2)), "  k: *x\n", "  k: *x\n  l: 2\n"),
        (add("/list/-", json!(2)), "- *x\n", "- *x\n- 2\n"),
        (add("/list/0", json!(2)), "- 1\n", "- 2\n- 1\n"),
        (add("/flow/0/-", json!(2)), "[*x]", "[*x, 2]"),
        (add("/flow/1/l", json!(2)), "{k: *x}", "{k: *x, l: 2}"),
        (remove("/map/k"), "map:\n  k: *x\n", "map: {}\n"),
        (remove("/list/0"), "- 1\n", ""),
        (remove("/map"), "map:\n  k: *x\n", ""),
        (remove("/list"), "list:\n- 1\n- *x\n", ""),
        (json!({"op": "replace", "path": "/seq", "value": 2}), "seq:\n- f: *x # c", "seq: 2 # c"),
        (json!({"op": "replace", "path": "/list", "value": 2}), "list:\n- 1\n- *x", "list: 2"),
    ] {
        assert_eq!(edit(text, operation.clone()), Ok(text.replacen(before, after, 1)), "{operation}");
    }
    // What an alias stands for is not edited in its place.
    for path in ["/seq/0/f", "/seq/0/f/y", "/map/k/y", "/list/1", "/list/1/y", "/flow/0/0", "/flow/1/k"] {
        let edited = edit(text, json!({"op": "replace", "path": path, "value": 2}));
        assert!(matches!(edited, Err(crate::edit::EditError::Aliased(_))), "{path}: {edited:?}");
    }
    // Nor is an anchor in a way that changes what an alias of it means.
    for path in ["/x/y", "/x"] {
        assert!(edit(text, json!({"op": "replace", "path": path, "value": 2})).is_err(), "{path}");
    }
}

#[test]
fn edits_of_a_sequence_that_starts_with_a_collection() {
    let text = "a:\n- [x]\n- y\nb:\n- - x\n- y\n";
    let edited = edit(text, json!({"op": "add", "path": "/a/-", "value": "z"}));
    assert_eq!(edited.as_deref(), Ok("a:\n- [x]\n- y\n- z\nb:\n- - x\n- y\n"));
    let edited = edit(text, json!({"op": "add", "path": "/b/-", "value": "z"}));
    assert_eq!(edited.as_deref(), Ok("a:\n- [x]\n- y\nb:\n- - x\n- y\n- z\n"));
}

#[test]
fn nested_anchors_cost_what_they_hold() {
    let text = format!("{}{}{}", "&a [".repeat(100), "x, ".repeat(1000), "]".repeat(100));
    let mut events = events::Events::of(&text, 128);
    while events.next(None).unwrap().0 != granit_parser::Event::StreamEnd {}
    assert_eq!(events.recorded(), 100 + 1000 + 100);
}

#[test]
fn aliases_are_bounded_before_they_are_copied() {
    let limits = |alias_nodes, bytes| Limits { alias_nodes, bytes, ..Limits::default() };
    let refusal = |text: &str, limits: &Limits| {
        parse(text, Scalars::Kubernetes, limits).err().map(|error| (error.at, error.message))
    };
    let text = "a: &a [x, y, {k: z}]\nb: *a\nc: *a\n";
    assert_eq!(refusal(text, &limits(10, 100)), None);
    let message = "aliases copy more than 9 values (limit `alias_nodes`)";
    assert_eq!(refusal(text, &limits(9, 100)), Some((30, message.to_owned())));
    assert_eq!(refusal(text, &limits(10, 8)), None);
    let message = "aliases copy more than 7 bytes of text (limit `bytes`)";
    assert_eq!(refusal(text, &limits(10, 7)), Some((30, message.to_owned())));
    // Merge keys move what they merge, once for every level.
    let text = "{<<: {<<: {a: 1, b: 2}}}";
    assert_eq!(refusal(text, &limits(4, 100)), None);
    assert!(refusal(text, &limits(3, 100)).unwrap().1.contains("limit `alias_nodes`"));
    // Aliases of aliases nest as brackets do.
    let chain = |length: usize| {
        (0..length).fold("- &a0 []\n".to_owned(), |text, at| text + &format!("- &a{} [*a{at}]\n", at + 1))
    };
    let depth = |depth| Limits { depth, ..Limits::default() };
    assert_eq!(refusal(&chain(9), &depth(10)), None);
    let message = "nested deeper than 10 levels (limit `depth`)";
    assert_eq!(refusal(&chain(10), &depth(10)).unwrap().1, message);
}

/// With scans that start over, each of these would take minutes.
#[test]
fn no_text_makes_a_scan_start_over() {
    let fill = |piece: &dyn Fn(usize) -> String| (0..40_000).map(piece).collect::<String>();
    let long = 1 << 20;
    for text in [
        format!("{{{}}}", fill(&|n| format!("key-{n}, "))),
        format!("{{{}z: 1}}", fill(&|n| format!("\"key-{n}\",\n"))),
        format!("[{}]", fill(&|n| format!("? key-{n}, "))),
        fill(&|n| format!("? key-{n} # c\n")),
        fill(&|n| format!("key-{n}:\r- [v]\r")),
        fill(&|n| format!("key-{n}: |\r  v\r")),
        fill(&|n| format!("- &a{n} x\n- *a{n}\n")),
        format!("a:\n- # {}\n  x\n", "-".repeat(long)),
        format!("a: &{}\n- x\n", "-".repeat(long)),
        format!("a: &{} | # {}\n  x\n", "|1".repeat(long), "|".repeat(long)),
        format!("a: |{}x\n", "\n ".repeat(long)),
        // The copies' places are those of the anchor; they are not looked for again.
        format!("- &x\n  k: # {}\n  - v\n{}", "c".repeat(long), "- *x\n".repeat(20_000)),
    ] {
        parse(&text, Scalars::Core12, &Limits::default()).unwrap();
    }
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
        let block = crate::edit::write_yaml(&json!({"k": root}));
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

/// A document with anchors and aliases.
#[derive(Debug, Clone)]
enum Tree {
    Scalar(u8),
    /// One of the anchored values that stand before it.
    Alias(prop::sample::Index),
    Sequence(Vec<Tree>),
    Mapping(Vec<Tree>),
    Anchored(Box<Tree>),
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![any::<u8>().prop_map(Tree::Scalar), any::<prop::sample::Index>().prop_map(Tree::Alias)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Tree::Sequence),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Tree::Mapping),
            inner.prop_filter_map("an alias has no anchor", |tree| {
                (!matches!(tree, Tree::Alias(_) | Tree::Anchored(_))).then(|| Tree::Anchored(Box::new(tree)))
            }),
        ]
    })
}

/// Writes trees, and says what they mean.
struct Writer {
    text: String,
    is_flow: bool,
    sequence_indent: usize,
    anchored: Vec<serde_json::Value>,
}

impl Writer {
    /// Behind a dash or a colon.
    fn write(&mut self, tree: &Tree, indent: usize) -> serde_json::Value {
        self.text.push(' ');
        match tree {
            Tree::Scalar(number) => {
                self.text += &number.to_string();
                json!(number)
            }
            Tree::Alias(pick) if !self.anchored.is_empty() => {
                let index = pick.index(self.anchored.len());
                self.text += &format!("*a{index} ");
                self.anchored[index].clone()
            }
            Tree::Alias(_) => self.write(&Tree::Scalar(0), indent),
            Tree::Anchored(inner) => {
                let start = self.text.len();
                let value = self.write(inner, indent);
                // The number is known when all anchors inside are.
                self.text.insert_str(start, &format!(" &a{}", self.anchored.len()));
                self.anchored.push(value.clone());
                value
            }
            Tree::Sequence(items) => {
                let column = indent + self.sequence_indent;
                self.open('[');
                let write = |(index, item): (usize, &Tree)| {
                    self.next(index, column);
                    self.text += if self.is_flow { "" } else { "-" };
                    self.write(item, column + 2)
                };
                let value = items.iter().enumerate().map(write).collect();
                self.open(']');
                value
            }
            Tree::Mapping(values) => {
                self.open('{');
                let write = |(index, value): (usize, &Tree)| {
                    self.next(index, indent + 2);
                    self.text += &format!("k{index}:");
                    (format!("k{index}"), self.write(value, indent + 2))
                };
                let value = values.iter().enumerate().map(write).collect();
                self.open('}');
                serde_json::Value::Object(value)
            }
        }
    }

    fn open(&mut self, bracket: char) {
        self.text.extend(self.is_flow.then_some(bracket));
    }

    fn next(&mut self, index: usize, column: usize) {
        if !self.is_flow {
            self.text += &format!("\n{}", " ".repeat(column));
        } else if index > 0 {
            self.text += ", ";
        }
    }
}

/// The collections that stand where they are written, outside anchored values, which others may share.
fn own_collections(tree: &Tree, at: &crate::document::Pointer, out: &mut Vec<crate::document::Pointer>) {
    match tree {
        Tree::Sequence(items) => {
            out.push(at.join("-"));
            items.iter().enumerate().for_each(|(index, item)| own_collections(item, &at.join(index.to_string()), out));
        }
        Tree::Mapping(values) => {
            out.push(at.join("new"));
            let values = values.iter().enumerate();
            values.for_each(|(index, value)| own_collections(value, &at.join(format!("k{index}")), out));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn edits_beside_aliases_are_right(tree in trees(), is_flow: bool, sequence_indent in prop::sample::select(vec![0, 2])) {
        let mut writer = Writer { text: "root:".to_owned(), is_flow, sequence_indent, anchored: Vec::new() };
        let expected = writer.write(&tree, 0);
        let text = format!("{}\nlast: 0\n", writer.text);
        prop_assert_eq!(value(&text, Scalars::Kubernetes), json!({"root": expected, "last": 0}), "{}", text);
        let mut collections = Vec::new();
        own_collections(&tree, &crate::document::Pointer::root().join("root"), &mut collections);
        for path in collections {
            let edited = edit(&text, json!({"op": "add", "path": path.to_string(), "value": 300}));
            prop_assert!(edited.as_ref().is_ok_and(|edited| edited.contains("300")), "{path}\n{text}\n{edited:?}");
        }
    }
}
