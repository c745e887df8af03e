//! The parser of HCL against HashiCorp's own: `make hcl` builds that (`tests/hcl`) and runs this.

use policy_host::document::{Node, Source};
use policy_host::parse::{Limits, Unit};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value as Json;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Where the program is that answers as HashiCorp's library does.
const REFERENCE: &str = "HCL_REFERENCE";

/// What each of `texts` is to HashiCorp.
fn reference(texts: &[String]) -> Vec<Json> {
    let program = std::env::var(REFERENCE).expect("the reference program");
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let input = serde_json::to_vec(texts).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether a text is accepted, and what `x` of its first block is.
fn ours(text: &str) -> Option<Option<Json>> {
    let units = Unit::terraform([Source::new("main.tf", text)]);
    let documents = units[0].parse(&Limits::default()).ok()?;
    let block = documents[0].root.get("blocks").and_then(|blocks| blocks.item(0));
    Some(block.and_then(|block| block.path(&["attributes", "x"])).map(Node::to_value))
}

fn is_known(value: &Json) -> bool {
    match value {
        Json::Array(items) => items.iter().all(is_known),
        Json::Object(entries) => !entries.contains_key("$unknown") && entries.values().all(is_known),
        _ => true,
    }
}

/// The same but for how numbers are written, and for scalars inside lists and maps that others there make texts: a
/// provider's schema settles what they are.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one.as_f64() == other.as_f64(),
        (Json::String(text), scalar @ (Json::Number(_) | Json::Bool(_))) => {
            let shown = scalar.to_string();
            *text == shown
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

/// Tokens of all kinds, seldom in an order that means something.
const TOKENS: &str = "(\"|\\$\\{|%\\{|\\}|\\{|\\[|\\]|\\(|\\)|<<A\n|<<-A\n|\n *A\n|A|a|é|=|==|=>|,|\n|\r\n|\r| |\t|#|//|/\\*|\\*/|\\$\\$\\{|%%\\{|\\\\|\\\\n|~|~\\}|if a|else|endif|for a in a|endfor|\\?|:|::|\\.|\\.\\.\\.|\\*|1|1\\.5|0\\.0|1e5|!|-|\\+|/|<|&&|\\|\\||a = 1\n|a\u{300}|\\{b=1,c=2\\}|\"\\$\\{a\\}\"|%\\{if true\\}|%\\{endif\\}|null|true|in|for|\\$|%|'|`|;|\u{a0}|\\^)";

/// Expressions that mean something, mostly.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => prop::sample::select(vec!["1", "2.50", "0", "\"a\"", "\"b c\"", "true", "false", "null", "\"5\"", "\"\"", "[]", "{}", "1e3", "\"$${x} %%{y}\"", "\"é\\t\\u00e9\""])
            .prop_map(str::to_owned),
        1 => "[0-9]{1,4}(\\.[0-9]{1,3})?",
        1 => "\"[a-c ,.]{0,6}\"",
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||", "\n+", "+ # c\n"]);
        let function = prop::sample::select(vec![
            "join(\",\", @)", "merge(@, @)", "concat(@, @)", "length(@)", "lower(@)", "upper(@)", "format(\"%s-%s\", @, @)", "format(\"%d|%v\", @, @)",
            "flatten(@)", "distinct(@)", "keys(@)", "values(@)", "contains(@, @)", "element(@, @)", "slice(@, 0, 1)", "sort(@)", "reverse(@)", "compact(@)",
            "split(\",\", @)", "trimspace(@)", "trim(@, \"a\")", "trimprefix(@, \"a\")", "trimsuffix(@, \"a\")", "substr(@, 0, 2)", "substr(@, -1, -1)", "max(@, @)", "min(@, @)", "abs(@)",
            "ceil(@)", "floor(@)", "signum(@)", "jsonencode(@)", "zipmap(@, @)", "setunion(@, @)", "setintersection(@, @)", "setsubtract(@, @)", "range(@)", "coalescelist(@, @)",
            "formatlist(\"%s!\", @)", "indent(2, @)", "chomp(@)", "parseint(\"ff\", 16)", "concat(@...)",
        ]);
        let shape = prop::sample::select(vec![
            "[@, @]", "[@,\n@,]", "{ a = @, b = @ }", "{\n  \"k\" : @\n  a = @\n}", "{ a = @, a = @ }", "(@)", "-@", "!@", "@ ? @ : @", "@[0]", "@[\"a\"]", "@.a", "@[*]", "@[*].a", "@.*.a",
            "\"x${@}y\"", "\"${@}\"", "\"a ${~ @ ~} b\"", "\"%{ if @ }t%{ else }f%{ endif }\"", "\"%{ for v in @ }${v},%{ endfor }\"", "\"%{ for k, v in @ ~} ${k}=${v} %{ endfor ~}\"",
            "[for v in @ : v]", "[for k, v in @ : \"${k}\" if true]", "{ for k, v in @ : k => v }", "{ for k, v in @ : v => k... }", "{\nfor v in @ :\nv => @\n}", "(\n@\n)",
            "<<A\n${@}\nA\n", "<<-A\n    x\n      ${@}\n\n   A;\n    A\n", "<<-A\n  %{ if @ ~}\n  t\n  %{ else ~}\n  f\n  %{ endif ~}\n  A\n",
        ]);
        prop_oneof![
            2 => (inner.clone(), operator, inner.clone()).prop_map(|(one, operator, other)| format!("{one} {operator} {other}")),
            3 => (function, prop::collection::vec(inner.clone(), 3)).prop_map(|(shape, parts)| filled(shape, &parts)),
            4 => (shape, prop::collection::vec(inner, 3)).prop_map(|(shape, parts)| filled(shape, &parts)),
        ]
    })
}

/// A shape with an expression in each place.
fn filled(shape: &str, parts: &[String]) -> String {
    let mut parts = parts.iter().cycle();
    shape
        .split_inclusive('@')
        .map(|piece| match piece.strip_suffix('@') {
            Some(before) => format!("{before}{}", parts.next().unwrap()),
            None => piece.to_owned(),
        })
        .collect()
}

/// A file as people write them.
const REAL: &str = include_str!("hcl/real.tf");

fn texts() -> impl Strategy<Value = String> {
    let soup = prop::collection::vec(TOKENS, 0..12).prop_map(|tokens| format!("b {{\n  x = {}\n}}\n", tokens.concat()));
    let whole = prop::collection::vec(TOKENS, 0..12).prop_map(|tokens| tokens.concat());
    let meant = expression().prop_map(|expression| format!("b {{\n  x = {expression}\n}}\n"));
    let mutated = (0..REAL.len(), 0..30usize, TOKENS).prop_map(|(cut, length, put)| {
        let mut text = REAL.to_owned();
        text.replace_range(cut..(cut + length).min(REAL.len()), &put);
        text
    });
    prop_oneof![3 => soup, 1 => whole, 6 => meant, 3 => mutated]
}

#[test]
#[ignore = "`make hcl` builds what it compares with"]
fn texts_are_what_they_are_to_hashicorp() {
    let mut runner = TestRunner::default();
    let strategy = texts();
    let mut texts: Vec<String> = vec![REAL.to_owned()];
    texts.extend((0..60_000).map(|_| strategy.new_tree(&mut runner).unwrap().current()));
    let mut differences = Vec::new();
    let (mut accepted, mut values, mut known) = (0, 0, 0);
    for (text, theirs) in texts.iter().zip(reference(&texts)) {
        let ours = ours(text);
        if ours.is_some() != (theirs["accepted"] == true) {
            differences.push(format!("accepted {}, by us {}:\n{text}", theirs["accepted"], ours.is_some()));
            continue;
        }
        accepted += usize::from(ours.is_some());
        let Some(value) = ours.flatten() else { continue };
        match (theirs.get("value"), is_known(&value)) {
            (Some(theirs), true) => {
                (values, known) = (values + 1, known + 1);
                if !same(theirs, &value) {
                    differences.push(format!("{theirs}, to us {value}:\n{text}"));
                }
            }
            (Some(_), false) => values += 1,
            (None, _) => {}
        }
    }
    println!("{} texts, {accepted} accepted, {values} values, {known} of them known", texts.len());
    let shown: String = differences.iter().take(20).map(|difference| format!("{difference}\n----\n")).collect();
    assert!(differences.is_empty(), "{} differences:\n{shown}", differences.len());
    assert!(accepted > texts.len() / 3 && known * 3 > values * 2, "what is compared says something");
}
