use super::guard::Guard;
use super::parse_module;
use crate::document::{Node, Source, Value};
use crate::parse::{Limits, SyntaxError};
use hcl_edit::visit::{Visit, visit_body, visit_object};
use proptest::prelude::*;
use serde_json::json;

fn sources(files: &[(&str, &str)]) -> Vec<Source> {
    files.iter().map(|(name, text)| Source::new(format!("infra/{name}"), *text)).collect()
}

fn module(files: &[(&str, &str)]) -> Result<Node, SyntaxError> {
    parse_module("infra", &sources(files), &Limits::default())
}

fn root(files: &[(&str, &str)]) -> Node {
    match module(files) {
        Ok(root) => root,
        Err(error) => panic!("{error} at {} of file {}", error.at, error.file),
    }
}

/// The attributes of the first block of `main.tf`.
fn attributes(main: &str) -> serde_json::Value {
    root(&[("main.tf", main)]).to_value()["blocks"][0]["attributes"].clone()
}

/// The value of `x` in a block, next to other blocks.
fn x(expression: &str, others: &str) -> serde_json::Value {
    attributes(&format!("b {{\n x = {expression}\n}}\n{others}"))["x"].clone()
}

fn fails(text: &str) -> (usize, String) {
    match module(&[("main.tf", text)]) {
        Ok(_) => panic!("{:.100} is accepted", text),
        Err(error) => (error.at, error.message),
    }
}

fn check_spans(node: &Node, files: &[Source]) {
    let slice = |span: crate::document::Span| files[usize::from(span.file)].text.get(span.range());
    assert!(slice(node.span).is_some(), "{:?}", node.span);
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| check_spans(item, files)),
        Value::Object(entries) => {
            for entry in entries {
                assert!(slice(entry.key_span).is_some(), "{:?}", entry.key_span);
                if &*entry.key == "$unknown" && !matches!(entry.value.value, Value::Object(_)) {
                    assert!(slice(entry.value.span).is_some_and(|text| !text.is_empty()));
                }
                check_spans(&entry.value, files);
            }
        }
        _ => {}
    }
}

#[test]
fn a_whole_module() {
    let files = [
        (
            "main.tf",
            "terraform {\n  backend \"s3\" {\n    bucket = \"b-${var.env}\"\n  }\n}\nresource aws_x \"y\" {\n  n = local.n\n}\n",
        ),
        ("vars.tf", "variable \"env\" {\n  type = string\n  default = \"dev\"\n}\nlocals { n = 3 }\n"),
        ("z.auto.tfvars", "env = \"z\"\n"),
        ("a.auto.tfvars", "env = \"a\"\nk = [1]\n"),
        ("terraform.tfvars", "env = \"t\"\n"),
        ("prod.tfvars", "env = \"p\"\n"),
    ];
    let node = root(&files);
    assert_eq!(
        node.to_value(),
        json!({
            "path": "infra",
            "files": ["main.tf", "vars.tf", "z.auto.tfvars", "a.auto.tfvars", "terraform.tfvars", "prod.tfvars"],
            "has_tfvars": true,
            "blocks": [
                { "type": "terraform", "labels": [], "attributes": {}, "blocks": [
                    { "type": "backend", "labels": ["s3"], "attributes": { "bucket": "b-z" }, "blocks": [] } ] },
                { "type": "resource", "labels": ["aws_x", "y"], "attributes": { "n": 3 }, "blocks": [] },
                { "type": "variable", "labels": ["env"],
                  "attributes": { "type": { "$unknown": "string" }, "default": "dev" }, "blocks": [] },
                { "type": "locals", "labels": [], "attributes": { "n": 3 }, "blocks": [] },
            ],
            "tfvars": { "env": "z", "k": [1] },
        })
    );
    check_spans(&node, &sources(&files));
}

#[test]
fn spans_are_those_of_the_expressions() {
    let text = "\u{feff}resource \"é\" y {\n  tags = { \"k\" = var.v, j : 1 }\n  o = 1\n}\nvariable \"v\" { default = { a = [1] } }\n";
    let node = root(&[("main.tf", text)]);
    let block = node.get("blocks").and_then(|blocks| blocks.item(0)).expect("a block");
    let slice = |span: crate::document::Span| &text[span.range()];
    assert_eq!(slice(block.span), &text[3..text.find("\nvariable").unwrap_or(0)]);
    let labels = block.get("labels").expect("labels");
    assert_eq!((slice(labels.span), labels.item(0).map(|label| slice(label.span))), ("\"é\" y", Some("\"é\"")));
    assert_eq!(block.entry("labels").map(|entry| slice(entry.key_span)), Some("resource"));
    let tags = block.get("attributes").and_then(|attributes| attributes.entry("tags")).expect("tags");
    assert_eq!((slice(tags.key_span), slice(tags.value.span)), ("tags", "{ \"k\" = var.v, j : 1 }"));
    let keys: Vec<_> = tags.value.entries().iter().map(|entry| (&*entry.key, slice(entry.key_span))).collect();
    assert_eq!(keys, [("k", "\"k\""), ("j", "j")]);
    let inner = tags.value.path(&["k", "a"]).and_then(|list| list.item(0)).expect("a resolved value");
    assert_eq!((inner.to_json(), slice(inner.span)), ("1".to_owned(), "var.v"));
}

#[test]
fn literals() {
    assert_eq!(x("[1, -2.50, true, null, \"a\\n$${b}\"]", "").to_string(), "[1,-2.5,true,null,\"a\\n${b}\"]");
    let node = root(&[("main.tf", "b {\n x = 123456789012345678901234567890\n y = 007\n}")]);
    let attributes = node.get("blocks").and_then(|blocks| blocks.item(0)?.get("attributes")).expect("attributes");
    assert_eq!(attributes.to_json(), "{\"x\":123456789012345678901234567890,\"y\":7}");
    assert_eq!(x("{ a = 1, \"b\" : 2, (\"c\") = 3 }", ""), json!({ "a": 1, "b": 2, "c": 3 }));
    assert_eq!(x("{ a = 1, \"a\" = 2 }", ""), json!({ "a": 2 }));
    assert_eq!(x("<<-E\n    a\n      b\n    E", ""), "a\n  b\n");
    assert_eq!(x("<<E\n a ${1}\n\"}\nE", ""), " a 1\n\"}\n");
    assert_eq!(x("(\"a\")", ""), "a");
}

#[test]
fn references_resolve() {
    let others = "locals {\n a = { k = [\"x\", \"y\"], \"q r\" = var.n }\n b = local.a.k\n c = \"${local.b[1]}-${var.n}\"\n d = local.c\n}\nvariable \"n\" { default = 5 }\nvariable \"o\" {}\n";
    assert_eq!(x("local.b", others), json!(["x", "y"]));
    assert_eq!(x("local.d", others), "y-5");
    assert_eq!(x("\"${var.n}\"", others), 5);
    assert_eq!(x("\"<${~ var.n ~}  >\"", others), "<5>");
    assert_eq!(x("\"a ${~ var.n} \"", others), "a5 ");
    assert_eq!(x("local.a[\"q r\"]", others), 5);
    assert_eq!(x("local.a.k.0", others), "x");
    assert_eq!(x("local.a.k[var.n]", others), json!({ "$unknown": "local.a.k[var.n]" }));
    assert_eq!(x("[local.a.k[0], var.o]", others), json!(["x", { "$unknown": "var.o" }]));
    for unknown in [
        "var.o",
        "local.none",
        "\"a${var.o}\"",
        "\"${var.o}\"",
        "(var.o)",
        "f(1)",
        "!true",
        "1 + 1",
        "local.b[*]",
        "aws_x.y.arn",
        "true ? 1 : 2",
        "[for a in b : a]",
        "{ (var.o) = 1 }",
        "\"a${local.b}\"",
        "\"%{ if true }a%{ endif }\"",
        "local.a.none",
        "local",
        "each.key",
        "var[\"n\"]",
    ] {
        assert_eq!(x(unknown, others), json!({ "$unknown": unknown }));
    }
}

#[test]
fn cycles_are_unknown() {
    let others = "locals {\n a = local.b\n b = [local.c]\n c = \"${local.a}\"\n}\n";
    assert_eq!(x("local.a", others), json!([{ "$unknown": "local.c" }]));
    assert_eq!(x("local.a", "locals { a = local.a }"), json!({ "$unknown": "local.a" }));
    assert_eq!(x("var.a", "variable \"a\" { default = var.a }"), json!({ "$unknown": "var.a" }));
}

#[test]
fn errors_have_a_place() {
    assert_eq!(fails("a {\n  b = \n}\n").0, 10);
    assert_eq!(fails("é {\n b = 1\n b = 2\n}\n").0, 13);
    let error = module(&[("a.tf", ""), ("b.tf", "\u{feff}x = [")]).err().map(|error| (error.file, error.at));
    assert_eq!(error, Some((1, 7)));
    assert_eq!(
        module(&[]).map(|node| node.to_json()).ok().as_deref(),
        Some("{\"path\":\"infra\",\"files\":[],\"has_tfvars\":false,\"blocks\":[],\"tfvars\":{}}")
    );
}

#[test]
fn nesting_is_bounded() {
    for open in [
        "[",
        "{",
        "(",
        "!",
        "-",
        "{a=",
        "\"${",
        "f(",
        "a[",
        "<<A\n${",
        "\"%{if a}",
        "%{if a}",
        "a?",
        "1+",
        "[for a in ",
    ] {
        fails(&format!("x = {}", open.repeat(100_000)));
        fails(&format!("x = {}", open.repeat(60)));
    }
    fails(&"a {\n".repeat(100_000));
    fails(&format!("x = {}", "a.".repeat(100_000)));
    // The deepest that hcl-edit accepts must fit a thread's default stack, also unoptimised.
    for (open, middle, close) in [
        ("[", "1", "]"),
        ("{a=", "1", "}"),
        ("(", "1", ")"),
        ("!", "a", ""),
        ("\"${", "1", "}\""),
        ("[[for a in [1] : ", "1", "]]"),
    ] {
        let levels = if open.len() > 10 { 30 } else { 60 };
        let text = format!("b {{\n x = {}{middle}{}\n}}", open.repeat(levels), close.repeat(levels));
        let deep = module(&[("main.tf", &text)]);
        assert!(deep.is_ok(), "{open} {:?}", deep.err());
    }
    let blocks = format!("{}{}", "a {\n".repeat(60), "}\n".repeat(60));
    assert!(module(&[("main.tf", &blocks)]).is_ok());
    assert!(
        fails(&format!(
            "b {{\n x = local.a199\n}}\nlocals {{\n a0 = 1\n{}}}",
            (1..200).map(|n| format!(" a{n} = local.a{}\n", n - 1)).collect::<String>()
        ))
        .1
        .contains("limit `depth`")
    );
    assert!(
        fails(&format!(
            "locals {{\n a0 = 1\n{}}}",
            (1..200).map(|n| format!(" a{n} = [local.a{}]\n", n - 1)).collect::<String>()
        ))
        .1
        .contains("limit `depth`")
    );
}

#[test]
fn resolved_values_are_bounded() {
    let grow = |line: fn(usize) -> String| (1..40).map(line).collect::<String>();
    let tuples =
        format!("locals {{\n a0 = 1\n{}}}", grow(|n| format!(" a{n} = [local.a{m}, local.a{m}]\n", m = n - 1)));
    assert!(fails(&tuples).1.contains("limit `nodes`"));
    let texts = format!(
        "locals {{\n a0 = \"xx\"\n{}}}",
        grow(|n| format!(" a{n} = \"${{local.a{m}}}${{local.a{m}}}\"\n", m = n - 1))
    );
    assert!(fails(&texts).1.contains("limit `bytes`"));
    let long = format!("locals {{\n a = \"{}\"\n}}\nb {{\n x = [{}]\n}}", "x".repeat(1 << 20), "local.a,".repeat(100));
    assert!(fails(&long).1.contains("limit `bytes`"));
    let limits = Limits { bytes: 64, nodes: 20, ..Limits::default() };
    let limited = |text: &str| {
        parse_module("d", &sources(&[("a.tf", text)]), &limits).err().map(|error| error.message).unwrap_or_default()
    };
    assert!(limited(&" ".repeat(65)).contains("limit `bytes`"));
    assert!(limited("b {\n x = [1,1,1,1,1,1,1,1,1,1,1,1,1]\n}").contains("limit `nodes`"));
}

/// Each of these must end in about linear time, with a result or an error.
#[test]
fn hostile_sizes() {
    let n = 1 << 16;
    let many = |count: usize, item: fn(usize) -> String| (0..count).map(item).collect::<String>();
    for text in [
        format!("x = {{{}}}", many(n, |i| format!("k{i}=1\n"))),
        many(n, |i| format!("k{i}=1\n")),
        format!("x = {{{}}}", many(n / 8, |i| format!("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,{i}]=1\n"))),
        format!("x = [{}]", "1,".repeat(n)),
        format!("x = \"{}\"", "${a}".repeat(n)),
        format!("x = \"{}\"", "$".repeat(n)),
        format!("x = <<E\n{}E\n", "\n".repeat(n)),
        format!("x = <<E\n{}E\n", "  E E\n".repeat(n)),
        format!("x = !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!1{}", " ".repeat(n)),
        format!("x = {}", "/*".repeat(n)),
        format!("{}x = 1", "/**/".repeat(n)),
        "#\n".repeat(n),
        "a {}\n".repeat(n),
        format!("a {}{{}}", "\"b\" ".repeat(n)),
        format!("x = f({})", "a, ".repeat(n)),
        format!("x = \"{}", "%{if a}".repeat(n)),
        format!(
            "locals {{\n a = {{{}}}\n}}\nb {{\n x = [{}]\n}}",
            many(4096, |i| format!("k{i}=1\n")),
            "local.a.k9,".repeat(50_000)
        ),
    ] {
        let _ = module(&[("main.tf", &text)]);
    }
}

/// Sums up what `hcl-edit` compares when it looks for duplicate keys.
#[derive(Default)]
struct Keys(u64);

impl Visit for Keys {
    fn visit_body(&mut self, node: &hcl_edit::structure::Body) {
        self.0 += (node.attributes().count() as u64).pow(2);
        visit_body(self, node);
    }

    fn visit_object(&mut self, node: &hcl_edit::expr::Object) {
        self.0 += (node.len() as u64).pow(2);
        visit_object(self, node);
    }
}

const HCL: &str = "(\"|\\$\\{|%\\{|\\}|\\{|\\[|\\]|\\(|\\)|<<A\n|<<-A\n|\n *A\n|A|a|é|=|==|=>|,|\n|\r\n| |#|//|/\\*|\\*/|\\$\\$\\{|%%\\{|\\\\|~|if a|else|endif|for a in a|endfor|\\?|:|\\.|1|!|-|\\+|/|<|a = 1\n|a\u{300}|\\{b=1,c=2\\}|\"\\$\\{a\\}\"|%\\{if a\\}|%\\{endif\\})";

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        let files = sources(&[("main.tf", &text)]);
        if let Ok(node) = parse_module("d", &files, &Limits::default()) {
            check_spans(&node, &files);
        }
    }

    #[test]
    fn arbitrary_modules_have_sound_spans(tokens in proptest::collection::vec(HCL, 0..24), tfvars in "([a-z]{1,3} = (1|\"é\"|var\\.a|\\[\\{a=1\\}\\])\n){0,3}") {
        let text = format!("b \"é\" {{\n x = {}\n}}\nvariable a {{ default = [1] }}\n", tokens.concat());
        let files = sources(&[("main.tf", &text), ("terraform.tfvars", &tfvars)]);
        match parse_module("d", &files, &Limits::default()) {
            Ok(node) => check_spans(&node, &files),
            Err(error) => prop_assert!(files[usize::from(error.file)].text.is_char_boundary(error.at)),
        }
    }

    /// The guard must see at least the keys that `hcl-edit` sees, whatever the text.
    #[test]
    fn the_guard_misses_no_key(parts in proptest::collection::vec((0..TEMPLATES.len(), HCL), 1..6), broken: bool) {
        let text = nested(&parts, broken);
        let limits = Limits::default();
        let mut guard = Guard::new(&limits);
        if guard.check(&text).is_ok() && let Ok(body) = hcl_edit::parser::parse_body(&text) {
            let mut keys = Keys::default();
            keys.visit_body(&body);
            prop_assert!(guard.spent() >= keys.0, "{} < {} in {text:?}", guard.spent(), keys.0);
        }
    }
}

/// Valid expressions with a place for another expression (`@`) and for any token (`?`).
const TEMPLATES: [&str; 14] = [
    "[@, {b=1,c=2}]",
    "{a=@, b=1}",
    "{\n\"a\" : @\n(b) = {c=1,d=2}\n}",
    "\"?${@}\"",
    "\"?\"",
    "[\"?\", @, \"?\", {b=1,c=2}]",
    "\"%{if @}?%{else}?%{endif}?\"",
    "[\"%{if @}\"%{endif}\", {b=1,c=2}]",
    "[<<A\n?${@}\nA\n, {b=1,c=2}]",
    "[<<-A\n%{for a in b}?\nA\n%{endfor}\n  A\n, @]",
    "f(@ ? /* \" */ {b=1,c=2} : a\n)",
    "[@ # ?\n, {b=1,c=2}]",
    "a[@].b",
    "(@)",
];

/// One template inside of the other; `broken` puts tokens also where they seldom fit.
fn nested(parts: &[(usize, String)], broken: bool) -> String {
    let mut expression = "a".to_owned();
    for (template, token) in parts {
        let quiet = if broken || !token.contains('"') { token.as_str() } else { "\\\"" };
        expression = TEMPLATES[*template].replace('?', quiet).replace('@', &expression);
    }
    format!("x = {expression}\n")
}

#[test]
fn the_guard_follows_templates() {
    let object = "{a=1,b=2,c=3,d=4}";
    for text in [
        format!("x = {object}\n"),
        format!("x = [\"%{{if x}}\"%{{endif}}\", {object}]\n"),
        format!("x = [\"%{{~ if x ~}}\"%{{else}}\" %{{for a in b}}\"%{{endfor}}%{{endif}}\", {object}]\n"),
        format!("x = [<<A\n%{{if x}}\nA\n%{{endif}}\nA\n, {object}]\n"),
        format!("x = [<<A\nA\n, {object}]\n"),
        format!("x = [<<A\nA\u{300}\n\"\nA\n, {object}]\n"),
        format!("x = [\"\\\\\", \"\\\"\", \"$${{\", {object}]\n"),
        format!("x = \"${{ \"${{ {object} }}\" }}\"\n"),
        format!("x = [a, # \"\n {object}]\n"),
        format!("x = [a /* \" */, {object}]\n"),
    ] {
        let limits = Limits::default();
        let mut guard = Guard::new(&limits);
        assert!(guard.check(&text).is_ok());
        let body = hcl_edit::parser::parse_body(&text);
        assert!(body.is_ok(), "{text}: {:?}", body.err());
        assert!(guard.spent() >= 17, "{} in {text:?}", guard.spent());
    }
}
