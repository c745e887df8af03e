//! What is HCL and what is not, as hclsyntax has it. `tests/hcl` compares the two on many more texts.

use super::{fails, root, x};
use crate::document::Source;
use crate::parse::Limits;
use crate::parse::hcl::comments;
use serde_json::json;

#[test]
fn literals() {
    assert_eq!(x("[1, -2.50, true, null, \"a\\n$${b}\"]", "").to_string(), "[1,-2.5,true,null,\"a\\n${b}\"]");
    let node = root(&[("main.tf", "b {\n x = 123456789012345678901234567890\n y = 007\n z = 1e400\n}")]);
    let attributes = node.get("blocks").and_then(|blocks| blocks.item(0)?.get("attributes")).expect("attributes");
    assert_eq!(attributes.to_json(), "{\"x\":123456789012345678901234567890,\"y\":7,\"z\":1e400}");
    assert_eq!(x("\"\\u00e9\\U0001F600\\\\ $ % $$ $a %%{b} \\\"\"", ""), "é😀\\ $ % $$ $a %{b} \"");
    assert_eq!(x("(\"a\")", ""), "a");
}

#[test]
fn objects() {
    assert_eq!(x("{ a = 1, \"b\" : 2, (\"c\") = 3 }", ""), json!({ "a": 1, "b": 2, "c": 3 }));
    assert_eq!(x("{ a = 1, \"a\" = 2, a = 3 }", ""), json!({ "a": 3 }), "the last of equal keys counts");
    assert_eq!(x("{\n  a = 1 # one\n\n  b = [\n    2,\n  ], c = 3,\n}", ""), json!({ "a": 1, "b": [2], "c": 3 }));
    assert_eq!(x("{ if = 1, null = 2, in = 3, 4 = 5 }", ""), json!({ "if": 1, "null": 2, "in": 3, "4": 5 }));
}

#[test]
fn heredocs_end_at_a_line_that_is_their_name() {
    assert_eq!(x("<<-E\n    a\n      b\n    E", ""), "a\n  b\n");
    assert_eq!(x("<<E\n a ${1}\n\"}\nE", ""), " a 1\n\"}\n");
    assert_eq!(x("<<-STOP\n    a\n    STOP;\n    b\n  STOP", ""), "a\nSTOP;\nb\n");
    assert_eq!(x("<<E\nE.\nE E\nEE\n-E\n\t E \t", ""), "E.\nE E\nEE\n-E\n");
    assert_eq!(x("<<E\nE${1}\nE", ""), "E1\n", "which does not start there");
    assert_eq!(x("<<E\n${1}E\nE", ""), "1E\n");
    assert_eq!(x("<<-E\n  a\n\n   b\n  ${1}\n  E", ""), "a\n\n b\n1\n");
    assert_eq!(x("<<-E\n  a\n${1}\n  E", ""), "  a\n1\n");
    assert_eq!(x("[<<A\n1\nA\n, <<B\n2\nB\n]", ""), json!(["1\n", "2\n"]));
    assert_eq!(x("<<E\r\na\r\nE\r", ""), "a\r\n");
    assert_eq!(x("<<E\n\\n $ % $${a} %%{a}\nE", ""), "\\n $ % ${a} %{a}\n");
    assert_eq!(fails("x = <<E\na\n").0, 4);
    assert_eq!(fails("x = <<E\na\nE").0, 4);
    assert_eq!(fails("x = <<E\na\nE;\n").0, 4);
}

#[test]
fn new_lines_are_free_in_brackets() {
    let list = "locals {\n l = [1, 2]\n}\n";
    assert_eq!(x("{ for k in local.l : k => k\n > 1 }", list), json!({ "1": false, "2": true }));
    assert_eq!(x("{\n for\n k\n in\n local.l\n :\n k\n => k\n if\n k > 1\n }", list), json!({ "2": 2 }));
    assert_eq!(x("[\n for k in local.l\n : k\n  + 1\n if k\n < 2 ]", list), json!([2]));
    assert_eq!(x("(1\n+\n2)", ""), 3);
    assert_eq!(x("\"${1\n+ 2}\"", ""), 3);
    assert_eq!(x("<<E\n%{ if true\n && true }x%{ endif }\nE", ""), "x\n");
    assert_eq!(x("max(1\n,\n2)", ""), 2);
    assert_eq!(x("local.l[\n0\n]", list), 1);
    assert_eq!(x("(local\n.l)", list), json!([1, 2]));
    assert_eq!(x("[{ a = (1\n+ 1)\n}]", ""), json!([{ "a": 2 }]));
    for text in ["x = 1\n+ 2\n", "x = {\n a = 1\n + 2\n}\n", "x = a\n.b\n", "x = [{ a = 1\n + 2 }]\n", "a\n{\n}\n"] {
        fails(text);
    }
}

#[test]
fn directives() {
    assert_eq!(x("\"%{ if true }a%{ else }b%{ endif }\"", ""), "a");
    assert_eq!(x("\"%{ if false }a%{ endif }c\"", ""), "c");
    assert_eq!(x("\"%{ for i, v in [\"p\", \"q\"] }${i}${v} %{ endfor }\"", ""), "0p 1q ");
    assert_eq!(x("<<E\n%{ for v in [1, 2] ~}\n  ${v}\n%{ endfor ~}\nE", ""), "  1\n  2\n");
    assert_eq!(x("\"a  ${~ 1 ~}  b\"", ""), "a1b");
    for text in [
        "\"%{ if true }\"",
        "\"%{ endif }\"",
        "\"%{ for a in b }%{ endif }\"",
        "\"%{ if a }%{ else }%{ else }%{ endif }\"",
        "\"%{ iff a }\"",
        "\"%{ for in b }%{ endfor }\"",
        "\"${a\"",
        "\"${}\"",
        "\"a\nb\"",
        "\"\\q\"",
        "\"\\u12\"",
        "\"\\uD800\"",
    ] {
        fails(&format!("x = {text}\n"));
    }
}

#[test]
fn what_hclsyntax_accepts() {
    for text in [
        "a {}\n",
        "a { b = 1 }\n",
        "a b \"c\" {\n}\n",
        "a { b = {\n c = 1\n} }\n",
        "x = f(a...)\n",
        "x = f(a, b,)\n",
        "x = ns::f(1)\n",
        "x = a.0.b[*].c.*.d\n",
        "x = a.b [0] . c\n",
        "x = -a.b + !c ? 1 : 2\n",
        "x = a ? b : c ? d : e\n",
        "x = {for k, v in m : k => v... if v}\n",
        "x = a-b\n",
        "é-1_ = 1\n",
        "x = 1 # c\ny = 2 // c\nz = /* c\n */ 3\n",
        "x = 1",
        "",
        "#",
        "\r\n\tx = 1\r\n",
        "x = [\n  1, # one\n  2\n]\n",
        "x = <<E\nE\n",
        "x = {}\ny = []\n",
        "x = a[\"b\"][c][0]\n",
        "x = 1e5 + 1.5E-3\n",
    ] {
        root(&[("main.tf", text)]);
    }
}

#[test]
fn what_hclsyntax_refuses() {
    for text in [
        "x = 1 y = 2\n",
        "x = 1, y = 2\n",
        "a { b = 1\n}\n",
        "a { b = 1, c = 2 }\n",
        "a { b {} }\n",
        "\"x\" = 1\n",
        "a \"${b}\" {}\n",
        "x = a.\n",
        "x = 'a'\n",
        "x = a & b\n",
        "x = a; y = 1\n",
        "x = [1 2]\n",
        "x = {a 1}\n",
        "x = f(,)\n",
        "x = f(a... , b)\n",
        "x = [for a b]\n",
        "x = {for a in b : c}\n",
        "x = [for a in b : c => d]\n",
        "x = [for a in b : c...]\n",
        "x = 1.2.3\n",
        "x = 1e\n",
        "x = /* a\n",
        "}\n",
        "a {\n",
        "x = a == \n",
        "x\n",
        "x = a[\n",
        "x = \u{0}\n",
        "x = `a`\n",
        "x = \"a\" \"b\"\n",
        "x = !\n",
        "x = a.*.*\n",
        "x = a.0.1\n",
        "x = a.*.0.1\n",
        "x = \u{feff}1\n",
    ] {
        fails(text);
    }
}

#[test]
fn comments_have_their_places() {
    let at = |name: &str, text: &str| -> Vec<String> {
        let source = Source::new(name, text);
        comments(&source, &Limits::default()).into_iter().map(|at| text[at].to_owned()).collect()
    };
    let text = "\u{feff}# one\r\na { // two\n /* three\n */ b = \"# no\" /* four */\n c = <<E\n# no ${ /* five */ 1 }\nE\n} # six";
    assert_eq!(at("a.tf", text), ["# one", "// two", "/* three\n */", "/* four */", "/* five */", "# six"]);
    assert_eq!(at("a.tf", "# one\nx = ]\n# two\n"), ["# one"], "as far as it can be read");
    assert_eq!(at("a.tf.json", "{\"a\": \"# no\"}"), [""; 0]);
}
