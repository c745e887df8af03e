use super::*;
use crate::document::Value;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use std::process::{Command as Process, Stdio};

fn tree(text: &str) -> Node {
    script(text, &mut Builder::new(usize::MAX))
}

/// All commands of a tree, in order, on one line: wrappers in brackets, `?` for a script that is not known.
fn outline(node: &Node) -> String {
    let mut out = Vec::new();
    collect(node, &mut out);
    let unread = node.get("unread").map_or(0, |unread| unread.items().len());
    out.join("; ") + &" UNREAD".repeat(unread)
}

fn collect(node: &Node, out: &mut Vec<String>) {
    if let (Some(words), None) = (node.get("words"), node.get("kind")) {
        let program = node.get("program").map_or(0, |at| at.to_value().as_u64().unwrap() as usize);
        let words: Vec<&str> =
            words.items()[program..].iter().map(|word| word.get("text").unwrap().as_str().unwrap()).collect();
        let wrappers: Vec<&str> =
            node.get("wrappers").map_or(&[][..], Node::items).iter().filter_map(Node::as_str).collect();
        let wrappers = if wrappers.is_empty() { String::new() } else { format!("[{}] ", wrappers.join(" ")) };
        out.push(format!("{wrappers}{}", words.join(" ")));
    }
    if node.get("unknown").is_some() {
        out.push("?".to_owned());
    }
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, out)),
        Value::Object(entries) => entries.iter().for_each(|entry| collect(&entry.value, out)),
        _ => {}
    }
}

#[test]
fn commands_are_found_wherever_they_stand() {
    for (script, expected) in [
        ("a b && c || d | e; f & g", "a b; c; d; e; f; g"),
        ("if a; then b; elif c; then d; else e; fi", "a; b; c; d; e"),
        ("while a; do b; done; until c\ndo d\ndone", "a; b; c; d"),
        ("for x in 1 2 3; do a $x; done; for ((i=0;i<3;i++)); do b; done", "a $x; b"),
        ("case $x in a|b) c ;; (*.txt) d;; *) e; esac; f", "c; d; e; f"),
        ("(a; b); { c; d; }; f() { g; }; function h { i; }", "a; b; c; d; g; i"),
        ("a $(b \"$(c)\") `d e` \"${X:-$(f)}\" <(g)", "a $(b \"$(c)\") `d e` ${X:-$(f)} <(g); b $(c); c; d e; f; g"),
        ("! a; time b; time { c; }", "a; [time] b; c"),
        ("A=1 B=$(a) b; C=(x $(c)); D+=1", "b; a; c"),
        ("((x = 1 << 2)); a $((1 << 2)) ; echo $((4 - $(b)))", "a $((1 << 2)); echo $((4 - $(b))); b"),
        ("[[ $a == b* && ( -f x || $c =~ ^(a|b)$ ) ]] && d", "[[ $a == b* && ( -f x || $c =~ ^(a|b)$ ) ]]; d"),
        ("a # b\n# c\nd \\\n  e", "a; d e"),
        ("a 2>&1 >/dev/null <b >|c &>d e", "a e"),
        ("echo a#b 'c#d' $# ${#x}", "echo a#b c#d $# ${#x}"),
        ("a\r\nb\r\n", "a; b"),
        ("", ""),
    ] {
        assert_eq!(outline(&tree(script)), expected, "{script}");
    }
}

#[test]
fn words_lose_their_quotes() {
    for (script, expected) in [
        (r#"a 'b c' "d e" f\ g \"h\" "i\"j""#, r#"a b c d e f g "h" i"j"#),
        (r#"a $'b\tc' $"d""#, "a b\tc d"),
        ("a 'b'\\''c'", "a b'c"),
        ("a ${{ matrix.x }} '${{ y }}'", "a ${{ matrix.x }} ${{ y }}"),
    ] {
        assert_eq!(outline(&tree(script)), expected, "{script}");
    }
}

/// The expressions of a tree, in order, with how they stand: `"` where an expansion would be made between quotes, `'`
/// where none would.
fn expressions(node: &Node, out: &mut Vec<String>) {
    if let Some(text) = node.get("expression").and_then(Node::as_str) {
        let is = |key: &str| node.get(key).is_some();
        let quote = match (is("quoted"), is("literal")) {
            (true, true) => "'",
            (true, false) => "\"",
            (false, false) => "",
            (false, true) => "?",
        };
        out.push(format!("{quote}{text}{quote}"));
    }
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| expressions(item, out)),
        Value::Object(entries) => entries.iter().for_each(|entry| expressions(&entry.value, out)),
        _ => {}
    }
}

#[test]
fn expressions_stand_in_quotes_or_not() {
    for (script, expected) in [
        ("a ${{ x }} b${{ y }}", "${{ x }} ${{ y }}"),
        ("a \"${{ x }}\" \"b ${{ y }}\"", "\"${{ x }}\" \"${{ y }}\""),
        ("a 'b'${{ x }}\"c\" \"d\"\"${{ y }}\"", "${{ x }} \"${{ y }}\""),
        ("a 'b ${{ x }}' \"'${{ y }}'\" \\'${{ z }}", "'${{ x }}' \"${{ y }}\" ${{ z }}"),
        ("a $\"${{ x }}\"", "\"${{ x }}\""),
        ("a <<E\n${{ x }}\nE\n", "\"${{ x }}\""),
        ("a \"$(b ${{ x }} \"${{ y }}\")\"", "${{ x }} \"${{ y }}\""),
        ("A=${{ x }} B=\"${{ y }}\"; [[ ${{ z }} == c ]]", "${{ x }} \"${{ y }}\" ${{ z }}"),
    ] {
        let mut found = Vec::new();
        expressions(&tree(script), &mut found);
        assert_eq!(found.join(" "), expected, "{script}");
    }
}

#[test]
fn here_documents_belong_to_their_command() {
    for (script, expected) in [
        ("cat <<CONF >x && cargo build\nport = 80\nCONF\n", "cat; cargo build"),
        ("cat <<CONF >x\nrm -rf /\nCONF\ncargo build\n", "cat; cargo build"),
        ("<<GO cat > x\ncargo build\nGO\n", "cat"),
        ("bash -eu <<GO\ncargo build\nGO", "bash -eu; cargo build"),
        ("<<GO bash\ncargo build\nGO", "bash; cargo build"),
        ("bash <<-'GO'\n\tcargo build\n\tGO\na", "bash; cargo build; a"),
        ("cat <<GO | sh\ncargo build\nGO", "cat; sh; cargo build"),
        ("cat <<GO | tee x\ncargo build\nGO", "cat; tee x"),
        ("bash /dev/stdin <<GO\na\nGO", "bash /dev/stdin; a"),
        ("bash x.sh <<GO\ncargo build\nGO", "bash x.sh"),
        ("python3 - <<GO\ncargo build\nGO\nb", "python3 -; b"),
        ("cat <<A <<B\na\nA\nb\nB\nc", "cat; c"),
        ("cat <<A\n$(b) \\$(c)\nA\nd", "cat; b; d"),
        ("cat <<'A'\n$(b)\nA\nd", "cat; d"),
        ("x=$(cat <<A\nb\nA\n); c", "cat; c"),
        ("cat <<A $(b\nc\n) d\ne\nA\nf", "cat $(b\nc\n) d; b; c; f"),
        ("bash <<A\na $(b)\nc\nA", "bash; b; a $___; c"),
        ("cat <<A", "cat"),
        ("bash <<< 'a; b'", "bash; a; b"),
        ("while read x; do a; done <<A\nb\nA\nc", "read x; a; c"),
    ] {
        assert_eq!(outline(&tree(script)), expected, "{script}");
    }
}

#[test]
fn scripts_are_read_where_they_are_handed_over() {
    for (script, expected) in [
        ("sh -c 'a; b'", "sh -c a; b; a; b"),
        ("bash -euo pipefail -c \"a $X\" name", "bash -euo pipefail -c a $X name; a $X"),
        ("sh -c \"$X\"", "sh -c $X; ?"),
        ("curl x | sh", "curl x; sh; ?"),
        ("curl x | sudo -E bash -s -- arg", "curl x; [sudo] bash -s -- arg; ?"),
        ("bash <(curl x)", "bash <(curl x); curl x; ?"),
        ("echo 'a; b' | sh", "echo a; b; sh; a; b"),
        ("eval a b; eval \"$(c)\"", "eval a b; a b; eval $(c); c; ?"),
        ("trap 'a' EXIT; trap - INT", "trap a EXIT; a; trap - INT"),
        ("su app -c 'a b'; flock /l -c 'c d'; flock /l e f", "su app -c a b; a b; flock /l -c c d; c d; [flock] e f"),
        (
            "find . -name x -exec rm {} \\; -exec sh -c 'a' {} +",
            "find . -name x -exec rm {} ; -exec sh -c a {} +; rm {}; sh -c a {}; a",
        ),
        ("env -S 'a b'", "env -S a b; a b"),
        ("script -qc 'a b' /x; su -lc 'c' app", "script -qc a b /x; a b; su -lc c app; c"),
        ("busybox sh -c 'a'", "[busybox] sh -c a; a"),
        ("xargs -n 1 sh -c 'a'", "[xargs] sh -c a; a"),
        ("bash script.sh; sh", "bash script.sh; sh"),
    ] {
        assert_eq!(outline(&tree(script)), expected, "{script}");
    }
}

#[test]
fn wrappers_are_passed_over() {
    for (script, expected) in [
        ("timeout 300 cargo build", "[timeout] cargo build"),
        ("timeout -k 5 --signal=INT 300 nice -n 5 cargo build", "[timeout nice] cargo build"),
        ("sudo -E -u app A=1 env -i B=2 cargo build", "[sudo env] cargo build"),
        ("env A=1; env", "env A=1; env"),
        ("exec -a x a; command -v b; command c", "[exec] a; command -v b; [command] c"),
        ("nohup a & nice -10 b", "[nohup] a; [nice] b"),
        ("sudo -l; sudo -- a", "sudo -l; [sudo] a"),
        ("taskset -c 0 a; taskset 1 b; gosu app c; tini -- d", "[taskset] a; [taskset] b; [gosu] c; [tini] d"),
        ("xargs -I {} -P4 a {}", "[xargs] a {}"),
        ("/usr/bin/env -u X /opt/bin/a", "[env] /opt/bin/a"),
        ("ionice -c3 chrt -i 0 a; chrt -p 1 42", "[ionice chrt] a; chrt -p 1 42"),
        ("strace -f -o /x a b; ltrace -e m a; strace -p 1", "[strace] a b; [ltrace] a; strace -p 1"),
        ("numactl -N 0 --membind=0 a; eatmydata b; faketime 2020-01-01 c", "[numactl] a; [eatmydata] b; [faketime] c"),
        ("parallel -j 4 a {} ::: x y", "[parallel] a {} ::: x y"),
    ] {
        assert_eq!(outline(&tree(script)), expected, "{script}");
    }
    let name = |script: &str| {
        tree(script).path(&["commands"]).and_then(|commands| commands.item(0)?.get("name")?.as_str().map(str::to_owned))
    };
    assert_eq!(name("/usr/bin/env X=1 /opt/bin/a b").as_deref(), Some("a"));
    assert_eq!(name("$TOOL build"), None);
    assert_eq!(name("sudo $TOOL build"), None);
}

#[test]
fn subcommands_stand_behind_options() {
    for (script, expected) in [
        ("cargo --offline build", Some(2)),
        ("cargo +nightly --config a=b build", Some(4)),
        ("npm --prefix ui run dev", Some(3)),
        ("npm --prefix=ui run dev", Some(2)),
        ("timeout 5 git -C x -c a=b push", Some(7)),
        ("cargo $FLAGS build", None),
        ("cargo --version", None),
        ("ls build", None),
    ] {
        let tree = tree(script);
        let at =
            tree.get("commands").and_then(|commands| commands.item(0)).unwrap().get("subcommand").map(Node::to_value);
        assert_eq!(at.and_then(|at| at.as_u64()), expected, "{script}");
    }
}

#[test]
fn options_hold_from_where_they_are_set() {
    let options = |script: &str| -> Vec<String> {
        let tree = tree(script);
        let mut found = Vec::new();
        visit(&tree, &mut |node| {
            if node.get("name").is_some_and(|name| name.as_str() == Some("x")) {
                let options = node.get("options").map_or(&[][..], Node::items);
                found.push(options.iter().filter_map(Node::as_str).collect::<Vec<_>>().join(" "));
            }
        });
        found
    };
    assert_eq!(
        options("x; set -euo pipefail; x; (set +e; x); x; set +o pipefail; x"),
        ["", "errexit nounset pipefail", "nounset pipefail", "errexit nounset pipefail", "errexit nounset"]
    );
    assert_eq!(options("set -e; bash -c x; bash -eo pipefail -c x"), ["", "errexit pipefail"]);
}

#[test]
fn what_is_not_read_is_told() {
    for (script, expected) in [
        ("a; b\nc 'd", "a; b UNREAD"),
        ("a\nif b; then c", "a UNREAD"),
        ("a\n)", "a UNREAD"),
        ("a\n;;\nb", "a UNREAD"),
        ("a\nb $(c", "a UNREAD"),
        ("sh -c 'a; b \"'", "sh -c a; b \" UNREAD"),
        ("for x in & ; do a; done", " UNREAD"),
        ("cat <<A\n$(b\nA\nc", "cat; c UNREAD"),
        ("#!/usr/bin/env python3\nprint(1)", " UNREAD"),
        ("#!/bin/bash -e\na", "a"),
    ] {
        assert_eq!(outline(&tree(script)), expected, "{script}");
    }
}

#[test]
fn nesting_is_bounded() {
    for text in ["$(", "(", "{ ", "if a; then ", "`", "${a:-", "\"$(", "bash <<A\n", "case a in a) ", "f() "] {
        let tree = tree(&text.repeat(5_000));
        visit(&tree, &mut |_| {});
    }
    let doubled = (0..24).fold("a".to_owned(), |inner, at| format!("bash <<E{at}\n$({inner})\nE{at}\n"));
    let mut builder = Builder::new(usize::MAX);
    script(&doubled, &mut builder);
    assert!(builder.made() < 10_000, "{}", builder.made());
}

#[test]
fn values_are_bounded() {
    let mut builder = Builder::new(100);
    let tree = script(&"a b c\n".repeat(1_000), &mut builder);
    assert!(tree.get("unread").unwrap().items()[0].get("reason").unwrap().as_str().unwrap().contains("VALUES"));
    assert!(builder.made() < 150);
}

#[test]
fn words_of_a_list_are_as_they_are() {
    let text = "sh\n-c\na && b\n$X\n";
    let tree = command(text, vec![0..2, 3..5, 6..12, 13..15], &mut Builder::new(1_000));
    assert_eq!(outline(&tree), "sh -c a && b $X; a; b");
}

fn visit(node: &Node, call: &mut dyn FnMut(&Node)) {
    call(node);
    match &node.value {
        Value::Array(items) => items.iter().for_each(|item| visit(item, call)),
        Value::Object(entries) => entries.iter().for_each(|entry| visit(&entry.value, call)),
        _ => {}
    }
}

/// Scripts, most of them broken.
fn scripts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "b ",
        "if ",
        "then ",
        "fi",
        "else ",
        "for x in ",
        "do ",
        "done",
        "case ",
        "esac",
        "in ",
        ";",
        ";;",
        "&",
        "&&",
        "|",
        "||",
        "(",
        ")",
        "{ ",
        "}",
        "\n",
        " ",
        "'",
        "\"",
        "\\",
        "$x",
        "${x:-",
        "$(",
        "$((",
        "))",
        "`",
        "<<A",
        "<<-'B'",
        "\nA\n",
        "B\n",
        "<",
        ">",
        "2>&1",
        "#",
        "[[",
        "]]",
        "=~",
        "!",
        "x=",
        "x=(",
        "é",
        "\t",
        "\r\n",
        "${{ y }}",
        "sh -c ",
        "eval ",
        "sudo ",
        "timeout 5 ",
        "set -e",
        "echo ",
        "| sh",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn spans_are_in_the_text(text in scripts()) {
        let tree = tree(&text);
        super::super::build::check_places(&tree, &text);
    }

    /// A plain word is what is written at its place.
    #[test]
    fn plain_words_are_found_at_their_place(text in scripts()) {
        let tree = tree(&text);
        visit(&tree, &mut |node| {
            let (Some(word), None, None) = (node.get("text"), node.get("parts"), node.get("quoted")) else { return };
            let word = word.as_str().unwrap();
            if word.chars().all(|c| c.is_alphanumeric()) {
                let written = text[node.span.range()].replace(['\\', '\n', '\r', '\'', '"'], "");
                assert_eq!(written, word, "{text:?}");
            }
        });
    }
}

/// Well-formed scripts.
fn valid() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "a",
        "'b c'",
        "\"d $x\"",
        "$(e f)",
        "${y:-z}",
        "g=h",
        "\\;",
        "2>&1",
        ">k",
        "$((1+2))",
        "`l`",
        "{m,n}",
        "<<<o",
        "#p",
        "<(q)",
        "\"$(r \"s\")\"",
        "''",
    ]);
    let simple = prop::collection::vec(words, 0..4).prop_map(|words| format!("cmd {}\n", words.join(" ")));
    simple.prop_recursive(5, 32, 2, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            (two.clone(), prop::sample::select(vec!["&&", "||", "|", "&", ";", "\n"]))
                .prop_map(|((one, other), joint)| format!("{} {joint} {other}", one.trim_end())),
            inner.clone().prop_map(|it| format!("( {it} )\n")),
            inner.clone().prop_map(|it| format!("{{ {it} }} >x\n")),
            two.clone().prop_map(|(one, other)| format!("if {one} then {other} else {other} fi\n")),
            two.clone().prop_map(|(one, other)| format!("while ! {one} do {other} done\n")),
            inner.clone().prop_map(|it| format!("for x in a $b; do {it} done\n")),
            two.prop_map(|(one, other)| format!("case $x in a|'b') {one} ;; *) {other} esac\n")),
            inner.clone().prop_map(|it| format!("f() {{ {it} }}\n")),
            inner.clone().prop_map(|it| format!("cat <<X $(\n{it})\nbody $y\nX\n")),
            inner.prop_map(|it| format!("[[ $x == y* && ! -f z ]] && {it}")),
        ]
    })
}

/// What bash takes for a script without errors is read to its end.
#[test]
fn shells_agree() {
    let accepts = |script: &str| {
        let mut bash = Process::new("bash");
        bash.args(["-n", "-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        bash.status().is_ok_and(|status| status.success())
    };
    if !accepts("true") {
        return;
    }
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut read = 0;
    for _ in 0..500 {
        let text = valid().new_tree(&mut runner).unwrap().current();
        if accepts(&text) {
            assert!(tree(&text).get("unread").is_none(), "bash reads {text:?}");
            read += 1;
        }
    }
    assert!(read > 100, "{read} scripts were read");
}
